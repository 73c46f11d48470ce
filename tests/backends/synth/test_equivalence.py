"""A synthesised netlist is compared with its source: equal ones are proved, a changed one is told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.backends.synth.equivalence import Equivalence, prove_equivalent
from nc.backends.synth.gates import Gates
from nc.backends.synth.synthesise import synthesise
from nc.ir.diagnostics import InternalError
from nc.sim import tools

pytestmark = pytest.mark.skipif(tools.find("pyosys") is None, reason="pyosys is not installed")

COUNTER = """
module top(input clk, rst, input [5:0] a, b, output reg [6:0] y, output [5:0] z);
  always @(posedge clk) if (rst) y <= 0; else if (a[0]) y <= y + b;
  assign z = (a > b) ? a - b : {a[2:0], b[2:0]};
endmodule
"""


@pytest.mark.parametrize("device", ["ice40-hx8k", "ecp5-25k", "xcup", "lut6"])
def test_equal_and_different(tmp_path: Path, device: str) -> None:
    source = tmp_path / "design.v"
    source.write_text(COUNTER)
    netlist = synthesise([source], "top", device, out_dir=tmp_path / "synth").netlist
    same = prove_equivalent([source], netlist, "top", device=device, out_dir=tmp_path / "same", vectors=256)
    assert (same.verdict, same.proved) == ("equal", True), same
    assert same.detail == "proved for all inputs and states by induction; 256 random stimuli of 24 cycles agree"
    other = tmp_path / "other.v"
    other.write_text(COUNTER.replace("a > b", "a >= b"))
    found = prove_equivalent([other], netlist, "top", device=device, out_dir=tmp_path / "other", vectors=4096)
    assert (found.verdict, found.proved) == ("different", False)
    assert found.detail.startswith("cycle ") and ": output z[" in found.detail and " differs for " in found.detail


def test_an_inverted_register_is_proved(tmp_path: Path) -> None:
    gold, gate = tmp_path / "gold.v", tmp_path / "gate.v"
    gold.write_text("module top(input clk, rst, d, output y); reg q; always @(posedge clk) q <= rst ? 0 : q ^ d;"
                    " assign y = q; endmodule")  # fmt: skip
    gate.write_text("module top(input clk, rst, d, output y); reg n; always @(posedge clk) n <= rst ? 1 : n ^ d;"
                    " assign y = ~n; endmodule")  # fmt: skip
    found = prove_equivalent([gold], gate, "top", out_dir=tmp_path / "out", vectors=128)
    assert (found.verdict, found.proved) == ("equal", True), found


PIPELINE = """
module top(input clk, input [7:0] a, b, output reg [9:0] s = 0, output reg less = 0);
  reg signed [8:0] p = 0; reg signed [9:0] w = 0; reg m = 0;
  always @(posedge clk) begin p <= a - b; m <= a < b; w <= a - b; s <= p + w; less <= m; end
endmodule
"""
MERGED = """
module top(input clk, input [7:0] a, b, output reg [9:0] s = 0, output reg less = 0);
  reg [8:0] p = 0;
  always @(posedge clk) begin p <= a - b; s <= {p, 1'b0}; less <= p[8]; end
endmodule
"""


def test_merged_sign_registers_are_proved(tmp_path: Path) -> None:
    """Three registers of one sign became one."""
    gold, gate, wrong = (tmp_path / f"{name}.v" for name in ("gold", "gate", "wrong"))
    gold.write_text(PIPELINE)
    gate.write_text(MERGED)
    wrong.write_text(MERGED.replace("{p, 1'b0}", "{p, a == 8'h5a && b == 8'ha5 && p == 9'h155}"))
    found = prove_equivalent([gold], gate, "top", out_dir=tmp_path / "out", vectors=128)
    assert (found.verdict, found.proved) == ("equal", True), found
    rare = prove_equivalent([gold], wrong, "top", out_dir=tmp_path / "rare", vectors=64, cycles=4)
    assert rare == Equivalence(
        "different", False, "ABC found inputs after which they differ, though 64 random stimuli of 4 cycles agree", 64
    )


def test_other_ports_are_a_difference(tmp_path: Path) -> None:
    gold, gate = tmp_path / "gold.v", tmp_path / "gate.v"
    gold.write_text("module top(input [1:0] a, output y); assign y = ^a; endmodule")
    gate.write_text("module top(input [2:0] a, output y); assign y = ^a; endmodule")
    found = prove_equivalent([gold], gate, "top", out_dir=tmp_path / "out")
    assert (found.verdict, found.detail) == ("different", "the ports differ")


def test_gates_keep_state_between_cycles() -> None:
    """A toggle: q' = q ^ d, with an initial value of 1."""
    cells = {
        "x": {"type": "$_XOR_", "connections": {"A": [2], "B": [3], "Y": [4]}},
        "r": {"type": "$_DFF_P_", "connections": {"C": [5], "D": [4], "Q": [2]}},
    }
    ports = {
        "clk": {"direction": "input", "bits": [5]},
        "d": {"direction": "input", "bits": [3]},
        "q": {"direction": "output", "bits": [2]},
    }
    module = {"cells": cells, "ports": ports, "netnames": {"q": {"bits": [2], "attributes": {"init": "1"}}}}
    d = np.array([[[0b0101]], [[0b0011]], [[0]]], np.uint64)
    seen = [int(cycle["q"][0, 0]) & 15 for cycle in Gates(module).run({"d": d}, 3)]
    assert seen == [0b1111, 0b1010, 0b1001]


def test_gates_refuse_what_they_do_not_know() -> None:
    cells = {"m": {"type": "$mul", "connections": {}}}
    with pytest.raises(InternalError, match=r"simple gates only, not \$mul"):
        Gates({"cells": cells, "ports": {}, "netnames": {}})
