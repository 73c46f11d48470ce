"""`nc synth --cells ftl` on Verilog, on BLIF, on a threshold build and on the logic that another target emitted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import nc.compiler
from nc.backends.threshold.ftl.cells import ftl_technology
from nc.backends.threshold.ftl.flow import ftl_flow, synthesise_files, yield_at
from nc.ir.graph import Builder, Graph
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.types import BIPOLAR, TensorType

pytest.importorskip("pyosys")

BLIF = """.model votes
.inputs clk a b c
.outputs y
.names a b c d
11- 1
1-1 1
-11 1
.latch d y re clk 0
.end
"""

VERILOG = """module top(input clk, input a, b, c, output reg y);
  always @(posedge clk) y <= a & b | c & (a | b);
endmodule
"""

COUNT = """module count(input clk, input [7:0] a, b, output reg [8:0] y);
  always @(posedge clk) y <= y + a + b;
endmodule
"""


@pytest.mark.parametrize(("name", "text"), [("votes.blif", BLIF), ("votes.v", VERILOG)], ids=["blif", "verilog"])
def test_netlist_files(name: str, text: str, tmp_path: Path) -> None:
    """A majority and its register are one cell; the command's fields, the netlist and the cells' voltages."""
    (tmp_path / name).write_text(text)
    found = nc.compiler.synth(tmp_path / name, cells="ftl", output=tmp_path / "out").to_json()
    assert (found["device"], found["ftl_cells"], found["cells"], found["ffs"]) == ("ftl", 1, 1, 0)
    assert found["equivalent"] is True and found["yield"] == 1.0 and found["yield_bound"] == 1.0
    assert float(str(found["area_um2"])) < float(str(found["cmos_area_um2"]))
    (cell,) = json.loads((tmp_path / "out" / "ftl_cells.json").read_text()).values()
    assert (cell["weights"], cell["threshold"], cell["margin_mv"]) == ([1, 1, 1], 2, 250.0)
    assert "FTL_w1_1_1_t2" in (tmp_path / "out" / "ftl.v").read_text()


def binary(seed: int = 1) -> Graph:
    rng = np.random.default_rng(seed)
    build = Builder("binary")
    x = build.input("x", TensorType((5,), BIPOLAR))
    x = build.add(MatMul(), x, build.constant(rng.integers(0, 2, (5, 4)) * 2 - 1))
    x = build.add(MultiThreshold(np.array([[0]]), np.ones(1, np.int64), 0, -1, 2), x)
    build.output("y", build.add(MatMul(), x, build.constant(rng.integers(0, 2, (4, 2)) * 2 - 1)))
    return build.finish()


SMALL = ["array.pes=4", "array.pe.neurons=2", "array.pe.registers=4", "array.pe.reads=3"]


@pytest.mark.parametrize(("target", "options"), [("threshold", SMALL), ("fpga", ["pipeline.every=1"])])
def test_builds(target: str, options: list[str], tmp_path: Path) -> None:
    """The element of an array, and a pipelined network for an FPGA: embedded, proved, reported in the build."""
    nc.compiler.compile(binary(), target=target, output=tmp_path / "b", set=options)
    found = nc.compiler.synth(tmp_path / "b", cells="ftl").to_json()
    assert found["equivalent"] is True and int(str(found["ftl_cells"])) > 0
    assert float(str(found["area_um2"])) < float(str(found["cmos_area_um2"]))
    assert float(str(found["delay_ps"])) <= float(str(found["cmos_delay_ps"]))
    assert json.loads((tmp_path / "b" / "reports" / "synth.json").read_text())["device"] == "ftl"


def test_timing_decides_with_area(tmp_path: Path) -> None:
    """A shorter clock is met with more area, or the shortest delay found is returned; the proof holds either way."""
    source = tmp_path / "count.v"
    source.write_text(COUNT)
    relaxed = ftl_flow([source], "count", tmp_path / "relaxed")
    assert relaxed.proved and relaxed.ftl.delay <= relaxed.period_ps == relaxed.cmos.delay
    tight = ftl_flow([source], "count", tmp_path / "tight", period=0.8 * relaxed.ftl.delay)
    assert tight.proved and tight.ftl.delay < relaxed.ftl.delay and tight.ftl.area > relaxed.ftl.area


def test_yield_over_noise(tmp_path: Path) -> None:
    """The bound falls with the noise, is certain without any, and the Monte-Carlo yield keeps to it."""
    source = tmp_path / "votes.v"
    source.write_text(VERILOG)
    result = synthesise_files([source], tmp_path / "out")
    bounds = [yield_at(result.embedded, ftl_technology(), sigma) for sigma in (0.0, 10.0, 40.0, 80.0, 200.0)]
    assert bounds[0] == 1.0 and bounds == sorted(bounds, reverse=True) and bounds[-1] < 0.9
    assert result.yield_ >= result.yield_bound - 1e-3
