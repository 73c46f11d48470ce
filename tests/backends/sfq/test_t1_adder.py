"""The T1 full adder junction by junction: all inputs, bias margin, junction count."""

from __future__ import annotations

import pytest

from nc.backends.sfq.t1_adder import JUNCTIONS, bench, slots_of
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.solver import simulate

INPUTS = (0, 1, 2, 3, 4, 5, 6, 7, 7, 0, 6, 1, 3, 4)


@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_sum_and_carry(bias: float) -> None:
    found = simulate(read_deck(bench(INPUTS), parameters={"BIAS": bias}))
    ones = [x.bit_count() for x in INPUTS]
    assert slots_of("s", found.pulses("Xload_s_1.B2").tolist()) == [i for i, n in enumerate(ones) if n & 1]
    assert slots_of("co", found.pulses("Xload_co_1.B2").tolist()) == [i for i, n in enumerate(ones) if n >= 2]


def test_at_most_28_junctions() -> None:
    assert JUNCTIONS == 27
