"""The XOR network at 20 GHz, junction by junction: all inputs in every order, margins, tuning."""

from __future__ import annotations

import pytest

from nc.backends.sfq.xor import EVERY_ORDER, OFF, ON, STYLES, bench, slots_of
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.margins import margin
from nc.sim.josephson.solver import simulate

XOR = [i for i, x in enumerate(EVERY_ORDER) if x in (1, 2)]
AND = [i for i, x in enumerate(EVERY_ORDER) if x == 3]


def fired(style: str, seed: int = 0, temperature: float = 0.0, **parameters: float) -> tuple[list[int], int]:
    """Slots in which the sum fires, and how many carries there are."""
    text = bench(style, temperature=temperature)
    found = simulate(read_deck(text, parameters=parameters), seed=seed)
    return slots_of(style, found.pulses("Xload_s_1.B2").tolist()), len(found.pulses("Xload_co_1.B2"))


def test_the_sequence_holds_every_order() -> None:
    assert len(set(zip(EVERY_ORDER, EVERY_ORDER[1:]))) == 16


@pytest.mark.parametrize(("style", "tune"), [("popcount", 0.0), ("tuned", ON)])
@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_xor_and_carry_within_twenty_percent_of_bias(style: str, tune: float, bias: float) -> None:
    slots, carries = fired(style, BIAS=bias, TUNE=tune)
    assert slots == XOR
    assert carries == len(AND)


@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_the_tuning_current_switches_the_function_off(bias: float) -> None:
    assert fired("tuned", BIAS=bias, TUNE=OFF) == ([], 0)


def test_thermal_noise_at_4_2_kelvin_does_not_disturb_it() -> None:
    assert fired("popcount", temperature=4.2, seed=3)[0] == XOR


def test_junctions() -> None:
    assert {name: style.junctions for name, style in STYLES.items()} == {"popcount": 16, "tuned": 28}


@pytest.mark.slow
def test_margins_of_the_popcount_style() -> None:
    found = margin(lambda bias: fired("popcount", BIAS=bias)[0] == XOR)
    assert found.low is not None and found.high is not None
    assert found.low <= 0.78 and found.high >= 1.26
