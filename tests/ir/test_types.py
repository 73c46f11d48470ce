"""Types: widths follow from ranges, and text says both."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.ir.types import BIPOLAR, Affine, IntType, TensorType, bits_for, natural_range


@settings(derandomize=True, deadline=None)
@given(st.integers(-(2**62), 2**62), st.integers(0, 2**62))
def test_width_holds_the_range_and_no_less_does(lo: int, span: int) -> None:
    hi = lo + span
    bits = bits_for(lo, hi)
    low, high = natural_range(bits, lo < 0)
    assert low <= lo and hi <= high
    if bits > 1:
        low, high = natural_range(bits - 1, lo < 0)
        assert lo < low or high < hi


@pytest.mark.parametrize(
    ("element", "text"),
    [
        (IntType(0, 15), "u4"),
        (IntType(-8, 7), "i4"),
        (IntType(0, 9), "u4<0..9>"),
        (IntType(-3, 3), "i3<-3..3>"),
        (IntType(0, 6, 2), "u3<0..6:2>"),
        (BIPOLAR, "bipolar"),
    ],
)
def test_text(element: IntType, text: str) -> None:
    assert str(TensorType((2, 3), element)) == f"{text}[2,3]"


def test_meaning_of_a_zero_point() -> None:
    meaning = Affine.of(Fraction(1, 4), zero_point=3)
    assert (str(meaning), meaning.offset) == ("1/4*q - 3/4", (Fraction(-3, 4),))
