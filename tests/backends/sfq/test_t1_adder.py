"""The T1 full adder junction by junction: all inputs, bias margin, junction count."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.sfq.aig import Aig, to_netlist
from nc.backends.sfq.arithmetic import column_sum
from nc.backends.sfq.circuits import cell, deck, junctions
from nc.backends.sfq.emit import design_json
from nc.backends.sfq.legal import strip
from nc.backends.sfq.library import load_library
from nc.backends.sfq.synthesis import synthesise
from nc.backends.sfq.t1_adder import JUNCTIONS, bench, slots_of
from nc.ir.netlist import Netlist
from nc.ir.netlist_eval import evaluate, from_bits
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.solver import simulate
from nc.sim.pulse_build import from_json

INPUTS = (0, 1, 2, 3, 4, 5, 6, 7, 7, 0, 6, 1, 3, 4)


@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_sum_and_carry(bias: float) -> None:
    found = simulate(read_deck(bench(INPUTS), parameters={"BIAS": bias}))
    ones = [x.bit_count() for x in INPUTS]
    assert slots_of("s", found.pulses("Xload_s_1.B2").tolist()) == [i for i, n in enumerate(ones) if n & 1]
    assert slots_of("co", found.pulses("Xload_co_1.B2").tolist()) == [i for i, n in enumerate(ones) if n >= 2]


def test_at_most_28_junctions() -> None:
    assert JUNCTIONS == 27


@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_the_library_s_adder_takes_its_inputs_together(bias: float) -> None:
    """The cell T1FA at 10 GHz: a, b and c at once, 75 ps (its setup) before the clock."""
    slots = [150.0 + 100.0 * i for i in range(len(INPUTS))]
    applied = {p: [t for t, x in zip(slots, INPUTS) if x >> i & 1] for i, p in enumerate("abc")}
    applied["clk"] = [t + 75.0 for t in slots]
    pins = {pin: pin for pin in cell("T1FA")["pins"]}
    text = deck([("u", "T1FA", pins)], applied, ["s", "co"], stop=slots[-1] + 175.0)
    found = simulate(read_deck(text, parameters={"BIAS": bias}))
    ones = [x.bit_count() for x in INPUTS]
    for pin, wanted in (("s", [n & 1 for n in ones]), ("co", [n >= 2 for n in ones])):
        times = found.pulses(f"Xload_{pin}_1.B2").tolist()
        assert [int((t - 227.0) // 100.0) for t in times] == [i for i, fires in enumerate(wanted) if fires]


def test_the_library_states_its_junctions() -> None:
    assert junctions("T1FA") == load_library()["T1FA"].data.jj == 58


def popcount(boxed: bool) -> Netlist:
    graph = Aig(boxed=boxed)
    bits = graph.add_input("x", 16)
    graph.outputs.append(("n", column_sum(graph, [bits], 0, 5)))
    return to_netlist(graph, "popcount")


def test_sixteen_input_popcount_of_t1_cells() -> None:
    """Exact on all 65,536 inputs, proved, fewer junctions than of gates, and right pulse by pulse."""
    pytest.importorskip("pyosys", reason="ABC comes with pyosys: pip install pyosys")
    library, source = load_library(), popcount(False)
    gates = synthesise(source, library, effort="quick", objective="jj")
    cells = synthesise(source, library, effort="quick", objective="jj", cut=popcount(True))
    assert cells.proved and gates.proved
    assert cells.design.netlist.count()["T1FA"] >= 10
    assert cells.design.jj()["total"] < gates.design.jj()["total"]
    every = np.arange(1 << 16)
    bits = (every[:, None] >> np.arange(16) & 1).astype(np.uint8)
    counts = from_bits(evaluate(strip(cells.design), {"x": bits})["n"][:, None], signed=False).ravel()
    np.testing.assert_array_equal(counts, bits.sum(axis=1))
    some = bits[np.random.default_rng(1).integers(0, 1 << 16, 50)]
    run = from_json(design_json(cells.design)).run({"x": some})
    assert run.trace.violation_count == 0
    np.testing.assert_array_equal(run.outputs["n"] @ (1 << np.arange(5)), some.sum(axis=1))
