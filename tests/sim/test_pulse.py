"""Pulse simulator: state machines, timing violations by text, netlists at and beyond their clock rate."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nc.ir.diagnostics import NcError
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import CellType
from nc.sim.pulse import CellModel, PulseCircuit

MOVE = tuple[int, tuple[int, ...]]
JTL = CellModel("JTL", ("a",), ("q",), 3.5, {(0, 0): 5.2}, (((0, (0,)),),))
SPLIT = CellModel("SPLIT", ("a",), ("q0", "q1"), 6.3, {(0, 0): 7.0}, (((0, (0, 1)),),))
MERGE = CellModel("MERGE", ("a", "b"), ("q",), 9.0, {(0, 1): 2.3, (1, 0): 2.3}, (((0, (0,)), (0, (0,))),))
TFF = CellModel("TFF", ("a",), ("q",), 6.5, {(0, 0): 12.0}, (((1, ()),), ((0, (0,)),)))
NDRO = CellModel(
    "NDRO", ("a", "b", "clk"), ("q",), 5.5, {(2, 2): 9.1}, (((1, ()), (0, ()), (0, ())), ((1, ()), (0, ()), (1, (0,))))
)
MODELS = {model.name: model for model in (JTL, SPLIT, MERGE, TFF, NDRO)}
TYPES = {m.name: CellType(m.name, m.inputs, m.outputs, tuple("0" for _ in m.outputs)) for m in MODELS.values()}


def counter(bits: int) -> Netlist:
    """TFFs in a row behind a JTL: the last one fires every 2**bits pulses."""
    make = NetlistBuilder("counter", TYPES)
    net = make.cell("JTL", make.input("a", 1))
    for _ in range(bits):
        net = make.cell("TFF", net)
    make.output("q", net)
    return make.build()


def test_a_counter_divides() -> None:
    netlist = counter(3)
    trace = PulseCircuit(netlist, MODELS).run([int(netlist.port("a").nets[0])] * 40, np.arange(40) * 20.0)
    expected = [(8 * i + 7) * 20.0 + 3.5 + 3 * 6.5 for i in range(5)]
    np.testing.assert_allclose(trace.times, expected)
    assert trace.violation_count == 0
    assert trace.events == 40 + 40 + 20 + 10 + 5


def test_a_violation_names_cell_input_time_and_earliest_time() -> None:
    netlist = counter(1)
    a = int(netlist.port("a").nets[0])
    trace = PulseCircuit(netlist, MODELS).run([a, a], [10.0, 20.5])
    assert trace.violation_count == 1
    assert str(trace.violations[0]) == (
        "error[NC811]: pulse on 'a' must come at 25.5 ps or later, not at 24.0 ps (after the last pulse on 'a')\n"
        "  --> node 'c1 (TFF)'\n"
        "  help: lower the clock rate or separate the pulses"
    )


@pytest.mark.parametrize(("gap", "violations"), [(0.0, 1), (2.2, 1), (2.3, 0)])
def test_coincident_pulses_at_a_merger_are_reported(gap: float, violations: int) -> None:
    make = NetlistBuilder("m", TYPES)
    make.output("q", make.cell("MERGE", make.input("ab", 2)))
    netlist = make.build()
    trace = PulseCircuit(netlist, MODELS).run(netlist.port("ab").nets, [5.0, 5.0 + gap])
    assert trace.violation_count == violations
    np.testing.assert_allclose(trace.times, [14.0, 14.0 + gap])


def test_ndro_keeps_its_state() -> None:
    make = NetlistBuilder("n", TYPES)
    make.output("q", make.cell("NDRO", make.input("x", 3)))
    netlist = make.build()
    a, b, clk = netlist.port("x").nets.tolist()
    trace = PulseCircuit(netlist, MODELS).run([clk, a, clk, clk, b, clk], [0, 20, 40, 60, 80, 100])
    np.testing.assert_allclose(trace.times, [45.5, 65.5])


def test_fanout_is_refused() -> None:
    make = NetlistBuilder("f", TYPES)
    a = make.input("a", 1)
    make.output("q", [*make.cell("JTL", a), *make.cell("JTL", a)])
    with pytest.raises(NcError) as error:
        PulseCircuit(make.build(), MODELS)
    assert str(error.value) == "error[NC803]: wire must be consumed exactly once, not 2 times\n  --> tensor 'a[0]'"


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(NcError, match="NC284.*cell 'JTL' must have a pulse model"):
        PulseCircuit(counter(1), {"TFF": TFF})


def test_a_ring_that_never_rests_is_refused() -> None:
    make = NetlistBuilder("ring", TYPES)
    a, back = make.input("a", 1)[0], make.nets(1)[0]
    net = make.cell("MERGE", [a, back])
    out, _ = make.cell("SPLIT", net, [make.nets(1)[0], back])
    make.output("q", [out])
    netlist = make.build_unchecked()
    with pytest.raises(NcError, match="NC811.*pulses must come to rest"):
        PulseCircuit(netlist, MODELS).run([a], [0.0])


def test_models_survive_json() -> None:
    from nc.sim.pulse_build import cell_model

    data = {"inputs": ["a"], "outputs": ["q"], "delay": 6.5, "limits": [[0, 0, 12.0]]}
    data["moves"] = [[[1, []]], [[0, [0]]]]
    assert cell_model("TFF", json.loads(json.dumps(data))) == TFF
