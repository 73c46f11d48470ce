"""The simplest fraction: what a scale that was stored as a float was meant to be.

0.05 stored in 32 bits is 13421773/2**28; the simplest fraction that rounds to that float is 1/20. Of all fractions in
an interval one has both the least numerator and the least denominator: the first that the Stern-Brocot tree meets
(Graham, Knuth, Patashnik, "Concrete Mathematics", 4.5).
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

SHORT = 12  # significant bits up to which a binary fraction is taken as it stands: nobody rounded it
MEANT = 28  # odd bits of numerator and denominator together up to which a fraction is no accident of 24 or 53 bits


def simplest(lo: Fraction, hi: Fraction | None, closed: bool = False) -> Fraction:
    """The fraction of least numerator and denominator in an interval, 0 <= lo < hi; `hi` None is infinity.

    >>> simplest(Fraction(314, 100), Fraction(315, 100))
    Fraction(22, 7)
    """
    whole = lo.numerator // lo.denominator
    if closed and lo == whole:
        return Fraction(whole)
    if hi is None or hi > whole + 1 or (closed and hi == whole + 1):
        return Fraction(whole + 1)
    inner = simplest(1 / (hi - whole), 1 / (lo - whole) if lo > whole else None, closed)
    return whole + 1 / inner


def short32(value: float) -> float:
    """A scale read from a 32-bit float as the float64 next to the fraction that was meant.

    >>> short32(float(np.float32(0.05)))
    0.05
    """
    narrow = np.float32(value)
    if not np.isfinite(value) or value <= 0 or float(narrow) != value or _odd_bits(Fraction(value)) <= SHORT:
        return value
    found = _rounding_to(narrow, np.float32)
    return value if found is None else float(found)


def scale_of(value: float) -> Fraction:
    """The exact scale that a float64 of the float graph stands for: a short fraction where one rounds to it."""
    return _scale_of(float(value))


@cache
def _scale_of(value: float) -> Fraction:
    exact = Fraction(value)
    if value <= 0 or _odd_bits(exact) <= 24:  # all that a 32-bit float can hold: what the model states
        return exact
    found = _rounding_to(np.float64(value), np.float64)
    return exact if found is None else found


def _rounding_to(value: Any, kind: Any) -> Fraction | None:
    """The simplest fraction that rounds to a positive float, or None where that is no shorter by chance."""
    below, above = np.nextafter(value, kind(0)), np.nextafter(value, kind(np.inf))
    if not np.isfinite(above) or below <= 0:
        return None
    exact = Fraction(float(value))
    even = int(value.view(f"u{value.itemsize}")) % 2 == 0
    found = simplest((Fraction(float(below)) + exact) / 2, (exact + Fraction(float(above))) / 2, even)
    return found if _odd_bits(found) <= MEANT else None


def _odd_bits(value: Fraction) -> int:
    """Bits of numerator and denominator without their factors of two, which cost nothing; 1 for a power of two."""

    def bits(whole: int) -> int:
        return (whole // (whole & -whole)).bit_length() if whole > 1 else 1

    return bits(value.numerator) + bits(value.denominator) - 1
