"""A synthesised netlist is compared with its source: equal ones are proved, a changed one is told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.backends.synth.equivalence import prove_equivalent
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


def test_what_induction_cannot_show_is_simulated_and_said(tmp_path: Path) -> None:
    """A netlist whose register holds the complement has no matching register: simulation is all there is."""
    gold, gate = tmp_path / "gold.v", tmp_path / "gate.v"
    gold.write_text("module top(input clk, rst, d, output y); reg q; always @(posedge clk) q <= rst ? 0 : q ^ d;"
                    " assign y = q; endmodule")  # fmt: skip
    gate.write_text("module top(input clk, rst, d, output y); reg n; always @(posedge clk) n <= rst ? 1 : n ^ d;"
                    " assign y = ~n; endmodule")  # fmt: skip
    found = prove_equivalent([gold], gate, "top", out_dir=tmp_path / "out", vectors=128)
    assert found.verdict == "equal"
    assert found.detail.endswith("128 random stimuli of 24 cycles agree")


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
