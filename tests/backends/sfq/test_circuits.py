"""Our own cells as junction circuits: pulse counts and order, agreement with the state machines, bias margins."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.sfq.circuits import cell, deck, junctions
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.margins import margin
from nc.sim.josephson.solver import simulate

PERIOD = 50.0
BENCHES = {
    "JTL": ({"a": [50, 100, 150]}, {"q": 3}),
    "SPLIT": ({"a": [50, 100, 150]}, {"q0": 3, "q1": 3}),
    "MERGE": ({"a": [50, 150], "b": [100, 200]}, {"q": 4}),
    "DFF": ({"a": [60, 160], "clk": [100, 150, 200, 250]}, {"q": 2}),
    "TFF": ({"a": [50, 100, 150, 200, 250]}, {"q": 2}),
    "T1": ({"t": [60, 110, 160, 300, 350, 500], "clk": [210, 410, 560, 620]}, {"s": 2, "co": 2}),
}


def pulses(name: str, **parameters: float) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    stimuli, expected = BENCHES[name]
    pins = {pin: pin for pin in cell(name)["pins"]}
    text = deck([("u", name, pins)], stimuli, list(expected), stop=700 if name == "T1" else 350)
    found = simulate(read_deck(text, parameters=parameters))
    return {pin: found.pulses(f"Xload_{pin}_1.B2") for pin in expected}


def works(name: str, **parameters: float) -> bool:
    return {pin: len(times) for pin, times in pulses(name, **parameters).items()} == BENCHES[name][1]


@pytest.mark.parametrize("name", list(BENCHES))
def test_pulse_counts(name: str) -> None:
    assert works(name)


def test_t1_carries_on_the_second_pulse_and_sums_on_the_clock() -> None:
    found = pulses("T1")
    assert 110 < found["co"][0] < 150 and 350 < found["co"][1] < 390
    assert 210 < found["s"][0] < 250 and 560 < found["s"][1] < 600


@pytest.mark.parametrize(
    ("name", "low", "high"), [("JTL", 0.5, 1.36), ("SPLIT", 0.6, 1.36), ("DFF", 0.6, 1.34), ("TFF", 0.66, 1.34)]
)
def test_bias_margins(name: str, low: float, high: float) -> None:
    assert works(name, BIAS=low) and works(name, BIAS=high)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BENCHES))
def test_every_cell_has_twenty_percent_of_bias_margin(name: str) -> None:
    found = margin(lambda bias: works(name, BIAS=bias))
    assert found.low is not None and found.high is not None
    assert found.low <= 0.8 and found.high >= 1.2


def test_junction_counts() -> None:
    assert {name: junctions(name) for name in BENCHES} == {
        "JTL": 2, "SPLIT": 3, "MERGE": 5, "DFF": 4, "TFF": 5, "T1": 9
    }  # fmt: skip
