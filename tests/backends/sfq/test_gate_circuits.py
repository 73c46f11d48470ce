"""Clocked gates as junction circuits: their function in every order of inputs, with the bias 20 % up and down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from nc.backends.sfq.circuits import cell, deck, junctions
from nc.backends.sfq.xor import EVERY_ORDER
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.margins import margin
from nc.sim.josephson.solver import simulate

START = 200.0


@dataclass(frozen=True)
class Bench:
    """`value` of an input a + 2 b; ps: the period, and where in it b and the clock come (a at 0). `set_up`: one clock
    more before the first input."""

    value: Callable[[int], bool]
    period: float
    b: float
    clk: float
    set_up: bool = False


BENCHES = {
    "AND2": Bench(lambda x: x == 3, 50.0, 0.0, 30.0),
    "OR2": Bench(lambda x: x > 0, 50.0, 0.0, 30.0),
    "XOR": Bench(lambda x: x in (1, 2), 50.0, 15.0, 48.0),
    "NOT": Bench(lambda x: not x & 1, 50.0, 0.0, 25.0, True),
    "XNOR": Bench(lambda x: x in (0, 3), 75.0, 15.0, 50.0, True),
}


def works(name: str, bench: Bench | None = None, **parameters: float) -> bool:
    bench = bench or BENCHES[name]
    slots = [START + bench.period * i for i in range(len(EVERY_ORDER))]
    applied = {
        "a": [t for t, x in zip(slots, EVERY_ORDER) if x & 1],
        "b": [t + bench.b for t, x in zip(slots, EVERY_ORDER) if x & 2],
        "clk": [t + bench.clk for t in slots[:1] if bench.set_up for t in [t - bench.period]],
    }
    applied["clk"] += [t + bench.clk for t in slots]
    pins = cell(name)["pins"]
    text = deck(
        [("u", name, {pin: pin for pin in pins})],
        {pin: applied[pin] for pin in pins if pin in applied},
        ["q"],
        stop=slots[-1] + bench.clk + 90.0,
    )
    found = simulate(read_deck(text, parameters=parameters)).pulses("Xload_q_1.B2")
    fired = [int((t - START - bench.clk - 2.0) // bench.period) for t in found.tolist()]
    return fired == [i for i, x in enumerate(EVERY_ORDER) if bench.value(x)]


@pytest.mark.parametrize("name", list(BENCHES))
@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_function_within_twenty_percent_of_bias(name: str, bias: float) -> None:
    assert works(name, BIAS=bias)


@pytest.mark.parametrize(
    ("name", "b", "clk"), [("AND2", 15.0, 35.0), ("AND2", -15.0, 20.0), ("OR2", 5.0, 35.0), ("OR2", -15.0, 25.0),
                           ("XOR", -15.0, 33.0)]
)  # fmt: skip
def test_the_order_of_the_inputs_does_not_matter(name: str, b: float, clk: float) -> None:
    assert works(name, Bench(BENCHES[name].value, 50.0, b, clk))


def test_a_gate_that_is_clocked_too_early_fails() -> None:
    """The bench can fail: the clock of an XOR before its second input."""
    assert not works("XOR", Bench(BENCHES["XOR"].value, 50.0, 15.0, 10.0))


def test_stored_pulse_of_an_ndro_is_read_again_and_again() -> None:
    ops = ("", "s", "", "", "r", "", "s", "", "r", "s", "r", "", "s", "")
    slots = [START + 75.0 * i for i in range(len(ops))]
    applied = {
        "a": [t for t, op in zip(slots, ops) if op == "s"],
        "b": [t for t, op in zip(slots, ops) if op == "r"],
        "clk": [t + 30.0 for t in slots],
    }
    pins = {pin: pin for pin in cell("NDRO")["pins"]}
    text = deck([("u", "NDRO", pins)], applied, ["q"], stop=slots[-1] + 130.0)
    found = simulate(read_deck(text)).pulses("Xload_q_1.B2")
    expected, stored = [], False
    for i, op in enumerate(ops):
        stored = {"s": True, "r": False, "": stored}[op]
        expected += [i] if stored else []
    assert [int((t - START - 32.0) // 75.0) for t in found.tolist()] == expected


def test_junction_counts() -> None:
    found = {name: junctions(name) for name in (*BENCHES, "NDRO")}
    assert found == {"AND2": 14, "OR2": 11, "XOR": 16, "NOT": 21, "XNOR": 28, "NDRO": 28}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["LSCALE", "ICSCALE"])
@pytest.mark.parametrize("name", list(BENCHES))
def test_margins_on_inductors_and_critical_currents(name: str, what: str) -> None:
    found = margin(lambda factor: works(name, **{what: factor}))
    assert found.low is not None and found.high is not None
    assert found.low <= 0.9 and found.high >= 1.1
