"""FTL embedding of real sequential circuits: proved, smaller, and broken results are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nc.backends.threshold.ftl.cells import cell_name, ftl_technology, ftl_type, gate_of
from nc.backends.threshold.ftl.flow import ftl_flow, synthesise_files, to_aig
from nc.backends.threshold.ftl.identify import Threshold
from nc.backends.threshold.ftl.prove import equivalent
from nc.backends.threshold.ftl.robust import robustness
from nc.ir.diagnostics import NcError
from nc.ir.netlist_eval import Evaluator

pytest.importorskip("pyosys")

MAJORITY = """
module votes(input clk, input rst, input [4:0] a, output reg m, output reg [2:0] n);
  wire [2:0] sum = a[0] + a[1] + a[2] + a[3] + a[4];
  always @(posedge clk) begin
    if (rst) begin m <= 0; n <= 1; end
    else begin m <= sum > 2; n <= n + m; end
  end
endmodule
"""


def test_majority_becomes_one_cell(tmp_path: Path) -> None:
    source = tmp_path / "votes.v"
    source.write_text(MAJORITY.replace("if (rst) begin m <= 0; n <= 1; end\n    else ", ""))
    result = synthesise_files([source], tmp_path / "out")
    assert result.proved and result.yield_ > 0.99
    assert Threshold((1, 1, 1, 1, 1), 3) in result.embedded.gates.values()
    assert result.ftl.area < result.cmos.area
    text = (tmp_path / "out" / "ftl.v").read_text()
    assert "module FTL_w1_1_1_1_1_t3 (" in text and "always @(posedge CLK)" in text


def test_reset_and_states(tmp_path: Path) -> None:
    """Resets become logic; the embedded netlist does what the source does, cycle by cycle."""
    source = tmp_path / "votes.v"
    source.write_text(MAJORITY)
    result = ftl_flow([source], "votes", tmp_path)
    assert result.proved and result.ftl.ftl >= 1
    before = to_aig([source], "votes", tmp_path / "again")
    assert equivalent(_named(before), result.netlist)
    assert len(Evaluator(result.netlist).netlist.clock_nets) == 1


def _named(netlist: object) -> object:
    from nc.backends.threshold.ftl.embed import plain

    return plain(netlist)  # type: ignore[arg-type]


def test_proof_finds_a_wrong_cell(tmp_path: Path) -> None:
    source = tmp_path / "votes.v"
    source.write_text(MAJORITY)
    result = ftl_flow([source], "votes", tmp_path)
    netlist = result.netlist
    wrong = next(k for k, kind in enumerate(netlist.types) if kind.name.startswith("FTL_"))
    kind = netlist.types[wrong]
    inverted = replace(kind, functions=(f"!({kind.functions[0]})",))
    broken = replace(netlist, types=(*netlist.types[:wrong], inverted, *netlist.types[wrong + 1 :]))
    assert not equivalent(netlist, broken)


def test_two_clocks_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "two.v"
    source.write_text(
        "module two(input c1, input c2, input a, output reg x, output reg y);\n"
        "always @(posedge c1) x <= a;\nalways @(posedge c2) y <= x;\nendmodule\n"
    )
    with pytest.raises(NcError) as error:
        synthesise_files([source], tmp_path / "out")
    assert str(error.value) == ("error[NC721]: the circuit must have one clock to be embedded in FTL cells, not 2")


def test_cell_types() -> None:
    gate = Threshold((2, 1, -1), 1)
    assert cell_name(gate) == "FTL_w2_1_m1_t1" and gate_of("FTL_w2_1_m1_t1") == gate
    kind = ftl_type(gate)
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    words = [np.uint64(sum(int(bits[m, i]) << m for m in range(8))) for i in range(3)]
    got = int(kind.compiled[0](*words, np.uint64(0), np.uint64(0))) & 0xFF
    assert got == gate.table()


def test_yield_falls_with_noise() -> None:
    tech = ftl_technology()
    steady = robustness(Threshold((2, 1, 1, 1), 3), tech.vt_step_mv, tech.vt_sigma_mv)
    noisy = robustness(Threshold((2, 1, 1, 1), 3), tech.vt_step_mv, 100.0)
    assert steady.yield_ > 0.999 > noisy.yield_ and steady.margin_mv == 125.0
