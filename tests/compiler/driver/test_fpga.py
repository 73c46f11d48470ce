"""The FPGA target through the front door: reproducible builds, hardware against the golden model, standalone bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nc.compiler
from nc.compiler.cli.main import run

NARROW = ("--set", "io.width=8", "--set", "pipeline.every=2")


def json_of(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, object]:
    assert run([*map(str, arguments), "--json"]) == code, capsys.readouterr()
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path, model: Path, data: Path) -> None:
    """Another folder, another hash seed, another working directory: the same build, without a trace of any of them."""
    for name in ("one", "two"):
        work = tmp_path / name
        work.mkdir()
        command = [
            sys.executable, "-m", "nc.compiler.cli", "compile", str(model), "-o", "build", "--target", "fpga",
            "--calib", str(data), *NARROW, "--quiet",
        ]  # fmt: skip
        environment = os.environ | {"PYTHONHASHSEED": str(len(name) * 7 + ord(name[0]))}
        subprocess.run(command, cwd=work, env=environment, check=True, timeout=300)
    found = bytes_of(tmp_path / "one" / "build")
    assert found == bytes_of(tmp_path / "two" / "build")
    assert {"manifest.json", "model.nc", "weights.npz", "hdl/top.v", "tb/run.py", "tb/vectors.npz"} <= found.keys()
    assert all(str(tmp_path).encode() not in content for content in found.values())


def test_hardware_equals_the_golden_model(
    tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "fpga", *NARROW)
    found = json_of(capsys, "simulate", tmp_path / "build", "--engine", "amaranth", "--data", data)
    assert (found["engine"], found["vectors"], found["mismatches"], found["violations"]) == ("amaranth", 50, 0, [])
    assert found["first_mismatch"] is None and found["cycles"] and found["ii_cycles"]
    evaluated = json_of(capsys, "eval", tmp_path / "build", "--data", data)
    assert found["accuracy"] == evaluated["accuracy"]


def test_wrong_hardware_is_found_and_explained(
    tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The golden model of other weights stands in for wrong hardware: the mismatch is counted, exit code 1."""
    from nc.compiler.driver import simulating

    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "fpga", *NARROW)
    right = simulating.make_vectors

    def wrong(*arguments: object, **options: object) -> object:
        vectors = right(*arguments, **options)  # type: ignore[arg-type]
        for expected in vectors.expected.values():
            expected.setflags(write=True)
            expected[3] += 1
        return vectors

    monkeypatch.setattr(simulating, "make_vectors", wrong)
    found = json_of(capsys, "simulate", tmp_path / "build", "--engine", "amaranth", "--data", data, code=1)
    assert found["mismatches"] == 1
    assert found["first_mismatch"]["vector"] == 3  # type: ignore[index]
    assert run(["simulate", str(tmp_path / "build"), "--engine", "amaranth", "--data", str(data)]) == 1
    printed = capsys.readouterr()
    assert "error[NC430]: the hardware must agree with the golden model, not differ in 1 vectors" in printed.err


def test_an_edited_build_is_refused(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_of(capsys, "compile", model, "-o", tmp_path / "build", "--target", "fpga", *NARROW)
    (tmp_path / "build/hdl/top.v").write_text("module top; endmodule\n")
    assert run(["simulate", str(tmp_path / "build"), "--quiet"]) == 1
    assert "the file must be as the compiler wrote it, not changed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_fashionable_mnist_network_decides_like_its_reference(shared: Path, tmp_path: Path) -> None:
    """TFC_1W1A on random pixels: hardware, golden model and the float64 evaluation of the file agree."""
    made = nc.compiler.compile(
        shared / "models/qonnx/TFC_1W1A.onnx", target="fpga", output=tmp_path / "build",
        set=("input.0.bits=8", "input.0.scale=1/255", "io.width=64"),
    )  # fmt: skip
    assert made.parameters >= 784 * 64
    pixels = np.random.default_rng(0).integers(0, 256, (200, 28, 28)).astype(np.uint8)
    data = nc.compiler.Dataset.of((pixels / 255).astype(np.float32))
    assert nc.compiler.evaluate(tmp_path / "build", data).agreement == 1.0
    assert nc.compiler.simulate(tmp_path / "build", data).mismatches == 0
