"""Balanced netlists in the pulse simulator: equal to their function at the clock of static timing, not beyond."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nc.backends.sfq.emit import behavioural_cell, design_json, to_dot, to_sdf, write_design
from nc.backends.sfq.library import load_library
from nc.backends.sfq.physical import Balanced
from nc.backends.sfq.synthesis import synthesise
from nc.ir.netlist_eval import from_bits, to_bits
from nc.sim.josephson.deck import read_deck
from nc.sim.pulse_build import from_json

LIBRARY = load_library()
pytest.importorskip("pyosys", reason="ABC comes with pyosys: pip install pyosys")


@pytest.fixture(scope="module")
def adder(made: ModuleType) -> Balanced:
    return synthesise(made.ripple_adder(6), LIBRARY, effort="quick").design


@pytest.mark.parametrize("phases", [1, 2, 3, 4])
@pytest.mark.parametrize("wiring", ["abut", "jtl", "ptl"])
def test_pulses_equal_the_function_at_the_clock_of_static_timing(made: ModuleType, phases: int, wiring: str) -> None:
    done = synthesise(made.popcount(7), LIBRARY, effort="quick", phases=phases, wiring=wiring, prove=False)  # type: ignore[arg-type]
    x = np.random.default_rng(phases).permutation(128)
    got = from_json(design_json(done.design)).run({"x": to_bits(x, 7)})
    assert got.trace.violation_count == 0 and got.extra == 0
    np.testing.assert_array_equal(from_bits(got.outputs["n"]), to_bits(x, 7).sum(axis=1))


def test_beyond_the_clock_rate_there_are_violations(adder: Balanced) -> None:
    rng = np.random.default_rng(0)
    inputs = {"a": rng.integers(0, 2, (100, 6)), "b": rng.integers(0, 2, (100, 6))}
    design = from_json(design_json(adder))
    assert design.run(inputs).trace.violation_count == 0
    assert design.run(inputs, 0.97 * design.period).trace.violation_count > 0


def test_files_are_reproducible_and_complete(adder: Balanced, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_design(adder, tmp_path / name)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names >= {"top.v", "cells.v", "netlist.json", "figures.json", "top.sdf", "top.dot", "top.cir"}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    found = json.loads((tmp_path / "one" / "figures.json").read_text())
    assert found["jj"]["total"] == sum(v for k, v in found["jj"].items() if k != "total")
    verilog = (tmp_path / "one" / "top.v").read_text()
    assert verilog.count("\n  DFF ") == found["dff"]
    assert to_sdf(adder.netlist, adder.library).count("(CELL ") == adder.netlist.n_cells
    deck = read_deck((tmp_path / "one" / "top.cir").read_text() + "", file="top.cir")
    assert deck.junctions == ()  # a subcircuit alone: its user instantiates it
    assert (tmp_path / "one" / "top.cir").read_text().count("\nX") >= adder.netlist.n_cells
    assert to_dot(adder).count("->") > found["gates"]


def test_behavioural_cell_text() -> None:
    text = behavioural_cell(LIBRARY["JTL"])
    assert text == (
        "`timescale 1ps/1fs\nmodule JTL (input a, output reg q);\n  integer state = 0;\n  integer violations = 0;\n"
        "  real last_a = -1.0e9;\n  initial begin q = 0; end\n  always @(posedge a) begin\n"
        "    if ($realtime < last_a + 5.2 - 0.001) begin\n      violations = violations + 1;\n"
        '      $display("NC811 %m: pulse on a at %0.1f ps, earliest %0.1f ps (after a)", $realtime, last_a + 5.2);\n'
        "    end\n    last_a = $realtime;\n    case (state)\n      0: begin state = 0; q <= #3.5 1; q <= #4.5 0; end\n"
        "    endcase\n  end\nendmodule\n"
    )
