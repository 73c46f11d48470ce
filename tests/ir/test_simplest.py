"""The simplest fraction of an interval, and what a scale stored as a float was meant to be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from nc.ir.simplest import scale_of, short32, simplest


def test_simplest_of_intervals() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        ends = sorted({Fraction(int(a), int(b)) for a, b in rng.integers(1, 60, (2, 2))})
        if len(ends) < 2:
            continue
        inside = next(
            Fraction(p, q)
            for q in range(1, 10_000)
            for p in [ends[0] * q // 1 + 1]
            if ends[0] < Fraction(p, q) < ends[1]
        )
        assert simplest(*ends) == inside
    assert simplest(Fraction(1, 2), Fraction(2, 3), closed=True) == Fraction(1, 2)
    assert simplest(Fraction(5), None) == 6


@pytest.mark.parametrize(
    ("stored", "meant"),
    [
        ("0.05", "1/20"), ("0.1", "1/10"), ("0.0437", "437/10000"), (str(1 / 255), "1/255"), ("0.25", "1/4"),
        ("0.027349813", "1216/44461"), (str(2.0**-40), f"1/{2**40}"), (str(3 * 2.0**-30), f"3/{2**30}"),
    ],
)  # fmt: skip
def test_scales_of_32_bits(stored: str, meant: str) -> None:
    short = short32(float(np.float32(stored)))
    assert scale_of(short) == Fraction(meant)
    assert np.float32(short) == np.float32(stored)


def test_scales_of_64_bits() -> None:
    assert scale_of(0.03) == Fraction(3, 100)
    assert scale_of(float(np.float32(0.03))) == Fraction(float(np.float32(0.03)))  # read as it is
    assert scale_of(np.pi) == Fraction(np.pi)  # no short fraction
