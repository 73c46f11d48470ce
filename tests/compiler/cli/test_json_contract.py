"""The fields of `--json` that other tools rely on: names may be added, never renamed or left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest

from nc.compiler.cli.main import run
from nc.sim import tools

FIELDS = {
    "compile": "target build ops parameters integer_bits seconds passes estimate warnings",
    "simulate": "engine vectors mismatches latency_cycles ii_cycles cycles accuracy first_mismatch seconds",
    "eval": "samples accuracy float_accuracy agreement samples_per_second",
    "run": "engine samples outputs layers mismatches seconds output values",
    "verify": "links ok",
    "synth": "device luts ffs carries brams dsps cells depth area_um2 leakage_uw fmax_mhz bitstream seconds",
    "explore": "trials front seconds",
}
ROWS = {("compile", "passes"): "name seconds", ("verify", "links"): "name verdict detail"}
SPACE = "{parameters: {quantise.weight_bits: [2, 4]}, objectives: {adder_bits: min}, fidelity: estimate}"
MODEL = """<ir_version: 8, opset_import: ["": 13]> tiny (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, -2.0, 3.0, 1.0}> { y = MatMul(x, w) }"""

needs_yosys = pytest.mark.skipif(tools.find("pyosys") is None, reason="needs pyosys")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiny.onnx, labelled data, a space, and a build of it."""
    where = tmp_path_factory.mktemp("contract")
    onnx.save(onnx.parser.parse_model(MODEL), where / "tiny.onnx")
    rng = np.random.default_rng(0)
    np.savez(where / "data.npz", x=rng.integers(0, 4, (20, 2)), y=rng.integers(0, 2, 20))
    np.savez(where / "bare.npz", x=rng.integers(0, 4, (20, 2)))
    (where / "space.yaml").write_text(SPACE)
    model, data = str(where / "tiny.onnx"), str(where / "data.npz")
    assert run(["compile", model, "-o", str(where / "build"), "--target", "fpga", "--calib", data, "--quiet"]) == 0
    return where


def answer(capsys: pytest.CaptureFixture[str], folder: Path, command: str, line: str) -> dict[str, Any]:
    """The command's object: alone on stdout, nothing on stderr, with every promised field."""
    names = {"MODEL": "tiny.onnx", "BUILD": "build", "DATA": "data.npz", "BARE": "bare.npz", "SPACE": "space.yaml"}
    names |= {"NEW": "new", "SEARCH": "search"}
    words = [str(folder / names[word]) if word in names else word for word in line.split()]
    capsys.readouterr()
    assert run([command, *words, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    found: dict[str, Any] = json.loads(printed.out)
    assert set(FIELDS[command].split()) - found.keys() == set()
    for (owner, field), wanted in ROWS.items():
        if owner == command:
            assert found[field]
            assert all(set(wanted.split()) <= row.keys() for row in found[field])
    return found


def test_compile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, folder, "compile", "MODEL -o NEW --target fpga --calib DATA")
    assert (found["target"], found["build"], found["parameters"]) == ("fpga", str(folder / "new"), 4)
    assert found["estimate"] and [w["code"] for w in found["warnings"]] == ["NC317"] and found["integer_bits"] > 0


@pytest.mark.parametrize("engine", ["golden", "amaranth"])
def test_simulate(folder: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    found = answer(capsys, folder, "simulate", f"BUILD --data DATA --engine {engine}")
    assert (found["engine"], found["vectors"], found["mismatches"]) == (engine, 20, 0)
    assert found["first_mismatch"] is None and 0 <= found["accuracy"] <= 1
    assert (found["cycles"] is None) == (engine == "golden")


def test_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, folder, "run", "BUILD --data DATA --vectors 3")
    assert (found["engine"], found["samples"], found["mismatches"]) == ("golden", 3, None)
    assert found["outputs"] == {"y": {"shape": [2], "type": "float64"}} and len(found["values"]["y"]) == 3


def test_without_labels_there_is_no_accuracy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, folder, "simulate", "BUILD --data BARE --engine golden")["accuracy"] is None
    found = answer(capsys, folder, "eval", "BUILD --data BARE")
    assert found["accuracy"] is None and found["float_accuracy"] is None and 0 <= found["agreement"] <= 1


def test_eval(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, folder, "eval", "BUILD --data DATA")
    assert found["samples"] == 20 and 0 <= found["accuracy"] <= 1 and found["samples_per_second"] > 0


def test_verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, folder, "verify", "BUILD")
    assert found["ok"] is True
    assert {link["verdict"] for link in found["links"]} <= {"equal", "measured", "skipped"}


@needs_yosys
def test_synth(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, folder, "synth", "BUILD --device lut4")
    assert found["device"] == "lut4" and found["luts"] > 0
    assert [found[name] for name in ("area_um2", "leakage_uw", "fmax_mhz", "bitstream")] == [None] * 4


def test_explore(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, folder, "explore", "MODEL --target fpga --data DATA --space SPACE -o SEARCH")
    assert found["trials"] == 2 and found["front"]
