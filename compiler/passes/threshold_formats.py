"""Input formats of decision trees: codes whose borders lie where the trees compare.

Of a feature only its thresholds matter. Its codes span them and saturate beyond: the outermost two are met exactly,
those between to half a step. A feature needs the bits at which all its comparisons on calibration data stay as they
are, and two more for other data; or, without data, at which no threshold moves by more than an eighth of its distance
from the next. Where the data are decimals of few digits (or whole numbers), thresholds lie half way between two of
them, and a bit or two more buy a grid on which all such data are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from nc.compiler.passes.integerize.input_port import Port
from nc.ir.ops.base import Array
from nc.ir.types import Affine, bits_for

MOST_BITS = 12
DIGITS = 6  # behind the point, of data that count as decimals
FLOAT32 = 1.2e-7  # relative error of a number in float32
LEAST_CLEAR = 0.05  # an error of so much of a unit would say nothing about it
SPARE = 2  # bits of features with several thresholds, for data that calibration has not seen
MOVED = 8  # without data: least part of the distance between thresholds that one may move by
Format = tuple[Fraction, Fraction]
"""scale, offset"""


def threshold_port(edges: Sequence[Array], data: Array | None, bits: int | None) -> Port:
    """The port of features (F,) from the edges of each, ascending; `data` (N, F). `bits`: given, else the least."""
    columns = [None if data is None else np.sort(data[:, f]) for f in range(len(edges))]
    units = [_unit(x) for x in columns]
    edges = [_between(e, unit) for e, unit in zip(edges, units, strict=True)]
    need = [_bits(e, x, u, bits or MOST_BITS) for e, x, u in zip(edges, columns, units, strict=True)]
    width = bits or max(need, default=1)
    formats = [_format(e, x, u, min(b, width), width) for e, x, u, b in zip(edges, columns, units, need, strict=True)]
    scale, offset = (tuple(f[side] for f in formats) for side in range(2))
    return Port.of_channels(0, (1 << width) - 1, Affine(scale, offset, 0))


def _bits(edges: Array, data: Array | None, unit: Fraction | None, most: int) -> int:
    if len(edges) < 3:  # one or two are met exactly
        return max(len(edges), 1)
    exact = most if unit is None else _natural_bits(edges, unit)
    least = next((b for b in range(2, most) if _kept(edges, data, _spanned(edges, b, b))), most)
    return min(exact if exact <= 2 * SPARE + least else least + SPARE, most)


def _format(edges: Array, data: Array | None, unit: Fraction | None, bits: int, width: int) -> Format:
    """The format of `width` bits whose upper `bits` bits say enough."""
    if len(edges) and unit is not None and _natural_bits(edges, unit) <= width:
        least, last = (int(np.floor(e / float(unit))) for e in (edges[0], edges[-1]))
        return unit, Fraction(0) if least >= 0 and last + 1 < 1 << width else least * unit
    if len(edges) > 1:
        return _spanned(edges, bits, width)
    low, high = (0.0, 1.0) if data is None else (float(data[0]), float(data[-1]))
    if not len(edges):
        return Fraction((high - low) / ((1 << width) - 1) or 1.0), Fraction(low)
    edge = Fraction(float(edges[0]))
    reach = 2 * max(abs(low - float(edge)), abs(high - float(edge))) if data is not None else 2.0
    scale = Fraction(reach / (1 << width) or 1.0)
    return scale, edge - scale * Fraction((1 << width) - 1, 2)


def _spanned(edges: Array, bits: int, width: int) -> Format:
    """First and last edge lie between two codes each, one code of `bits` bits from either end."""
    first, last = Fraction(float(edges[0])), Fraction(float(edges[-1]))
    finer = 1 << (width - bits)
    scale = Fraction(float((last - first) / (((1 << bits) - 2) * finer)))
    return scale, first - scale * (finer - Fraction(1, 2))


def _kept(edges: Array, data: Array | None, form: Format) -> bool:
    """Do the codes tell the edges apart, and the data by them as before?"""
    scale, offset = (float(f) for f in form)
    codes = np.floor((edges - offset) / scale + 1e-9)
    borders = (codes + 0.5) * scale + offset
    if data is not None:
        return np.array_equal(np.searchsorted(data, borders), np.searchsorted(data, edges))
    gaps = np.diff(edges)
    nearest = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
    return bool(np.all(np.abs(borders - edges) * MOVED <= nearest))


def _unit(data: Array | None) -> Fraction | None:
    """The power of ten that all data are whole multiples of, as float32 holds them; None where there is none."""
    if data is None:
        return None
    size = float(np.abs(data).max(initial=0.0))
    for digits in range(DIGITS + 1):
        tolerance = size * 10**digits * FLOAT32
        if tolerance > LEAST_CLEAR:
            return None
        scaled = data * 10.0**digits
        if np.all(np.abs(scaled - np.rint(scaled)) <= tolerance):
            return Fraction(1, 10**digits)
    return None


def _between(edges: Array, unit: Fraction | None) -> Array:
    """Edges half way between the multiples of the unit that they tell apart."""
    if unit is None:
        return edges
    return np.unique((np.ceil(edges / float(unit)) - 0.5) * float(unit))


def _natural_bits(edges: Array, unit: Fraction) -> int:
    """Bits of the multiples of the unit from just below the first edge to just above the last."""
    return bits_for(0, int(np.ceil(edges[-1] / float(unit))) - int(np.floor(edges[0] / float(unit))))
