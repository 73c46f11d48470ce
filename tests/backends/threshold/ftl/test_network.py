"""Threshold-network synthesis: proved equal to the block, and never more gates than the AND nodes it merges."""

from __future__ import annotations

from pathlib import Path

import pytest

from nc.backends.threshold.ftl.flow import to_aig
from nc.backends.threshold.ftl.network import threshold_network
from nc.backends.threshold.ftl.prove import equivalent
from nc.ir.diagnostics import NcError

pytest.importorskip("pyosys")


def block(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "block.v"
    path.write_text(f"module block({text} endmodule\n")
    return path


def test_majority_of_five_is_one_gate(tmp_path: Path) -> None:
    source = block(tmp_path, "input [4:0] a, output y); wire [2:0] s = a[0]+a[1]+a[2]+a[3]+a[4]; assign y = s > 2;")
    logic = to_aig([source], "block", tmp_path)
    made = threshold_network(logic)
    assert (made.gates, made.depth, made.weight) == (1, 1, 5)
    assert equivalent(logic, made.netlist)


def test_adder(tmp_path: Path) -> None:
    """An adder: fewer threshold gates than three quarters of its AND nodes."""
    source = block(tmp_path, "input [5:0] a, input [5:0] b, output [6:0] y); assign y = a + b;")
    logic = to_aig([source], "block", tmp_path)
    made = threshold_network(logic)
    assert equivalent(logic, made.netlist)
    assert 4 * made.gates < 3 * logic.count()["$_AND_"]


def test_registers_are_refused(tmp_path: Path) -> None:
    source = block(tmp_path, "input c, input a, output reg y); always @(posedge c) y <= a;")
    with pytest.raises(NcError) as error:
        threshold_network(to_aig([source], "block", tmp_path))
    assert str(error.value) == (
        "error[NC721]: a threshold network must be made from a block without registers\n"
        "  help: --cells ftl embeds cells at registers"
    )
