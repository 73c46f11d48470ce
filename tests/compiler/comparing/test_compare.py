"""nc compare on a small network: a column a target, reasons for what is refused, results on disk, mistakes told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from nc.backends import registry
from nc.compiler.cli.main import run
from nc.compiler.comparing.compare import compare, read_comparison
from nc.compiler.config import shares
from nc.ir.diagnostics import NcError, UsageError

MODEL = """<ir_version: 8, opset_import: ["": 13]> tiny (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, -2.0, 3.0, 1.0}> { h = MatMul(x, w) r = Relu(h) y = MatMul(r, w) }"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    onnx.save(onnx.parser.parse_model(MODEL), tmp_path / "tiny.onnx")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.integers(0, 4, (20, 2)), y=rng.integers(0, 2, 20))
    (tmp_path / "nc.yaml").write_text("quantise: {weight_bits: 3}\nsfq: {phases: 2}\narray: {pes: 16}\n")
    return tmp_path


def test_two_targets_side_by_side(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pulse-level build with its own options, in processes of their own, and a target that refuses the network."""
    arguments = [
        "compare", str(folder / "tiny.onnx"), "--calib", str(folder / "data.npz"), "--targets", "sfq,threshold",
        "--config", str(folder / "nc.yaml"), "-o", str(folder / "out"), "--vectors", "8", "--workers", "2",
    ]  # fmt: skip
    assert run([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    sfq, threshold = found["targets"]
    assert sfq["supported"] and sfq["ok"] and sfq["build"] == str(folder / "out" / "sfq")
    assert sfq["figures"]["hardware_accuracy"]["basis"] == "8 samples of data.npz in pulse, 0 mismatches"
    energy = sfq["figures"]["energy"]
    assert energy["unit"] == "J" and 0 < energy["value"] < 1e-9
    assert (
        energy["link"] == "logic ≡ SFQ netlist (SAT proof by ABC, balancing as wires)" and energy["verdict"] == "equal"
    )
    assert not threshold["supported"] and threshold["reason"].startswith("NC711: activations on the array")
    manifest = json.loads((folder / "out" / "sfq" / "manifest.json").read_text())
    assert manifest["options"]["sfq"]["phases"] == 2 and manifest["options"]["quantise"]["weight_bits"] == 3
    assert read_comparison(folder / "out")["targets"] == found["targets"]

    assert run([*arguments, "--quiet"]) == 0  # again, over its own builds
    assert capsys.readouterr().out == ""


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", str(folder / "tiny.onnx"), "--calib", str(folder / "data.npz"), "--targets", "sfq",
                "-o", str(folder / "out"), "--vectors", "4"]) == 0  # fmt: skip
    printed = capsys.readouterr().out
    assert "tiny.onnx on 1 technologies" in printed and "Josephson junctions" in printed
    assert "a cooler takes" in " ".join(printed.split())


def test_a_network_that_no_target_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", str(folder / "tiny.onnx"), "--calib", str(folder / "data.npz"), "-o", str(folder / "out")]
    assert run([*arguments, "--targets", "threshold", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_what_is_wrong_with_the_model_is_raised_once(folder: Path) -> None:
    with pytest.raises(NcError, match="must exist, not be missing"):
        compare(folder / "none.onnx", calib=folder / "data.npz", output=folder / "out")
    wide = folder / "wide.npz"
    np.savez(wide, x=np.zeros((4, 7)))
    with pytest.raises(NcError, match="NC406"):
        compare(folder / "tiny.onnx", calib=wide, targets=["fpga", "sfq"], output=folder / "out", workers=1)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"targets": "fpga,sqf"}, "target must be one of .*, not 'sqf'"),
        ({"targets": ","}, "--targets must name at least one target, or all"),
        ({"fidelity": "guess"}, "--fidelity must be one of estimate, synth, pnr, not 'guess'"),
        ({"vectors": 0}, "--vectors must be at least 1, not 0"),
        ({"workers": 0}, "--workers must be at least 1, not 0"),
        ({"calib": None}, "--data or --calib must be given, to judge the builds"),
    ],
)
def test_usage(folder: Path, given: dict[str, object], text: str) -> None:
    arguments = {"calib": folder / "data.npz", "output": folder / "out", **given}
    with pytest.raises(UsageError, match=text):
        compare(folder / "tiny.onnx", **arguments)
    assert not (folder / "out").exists()


def test_a_section_that_no_target_has(folder: Path) -> None:
    (folder / "nc.yaml").write_text("quantise: {weight_bits: 3}\npipelin: {every: 3}\n")
    with pytest.raises(NcError) as caught:
        compare(folder / "tiny.onnx", calib=folder / "data.npz", targets="fpga,sfq", config=folder / "nc.yaml",
                output=folder / "out")  # fmt: skip
    assert str(caught.value) == (
        "error[NC411]: 'pipelin' must be a section of the configuration of fpga or sfq\n"
        "  --> nc.yaml:2\n  help: did you mean 'pipeline'?"
    )


def test_sections_of_targets_that_are_not_asked_for_are_passed_over() -> None:
    """One file serves every choice of targets."""
    asked, other = registry.find("sfq").Options, registry.find("fpga").Options
    ((document, assignments),) = shares({"sfq": asked}, None, ["pipeline.every=3", "output=argmax"], [other]).values()
    assert not document.data and assignments == ("output=argmax",)
