"""From a chain of real functions and a quantiser to an exact staircase over integers.

The quantised value y of a number is a function of its integers q alone. Here that function is found exactly: by
fractions where the chain is linear between clamps, by arbitrary precision where it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import gcd
from typing import Any

import mpmath as mp
import numpy as np

from nc.compiler.passes.integerize.chains import exact_chain, float_chain
from nc.compiler.passes.integerize.numbers import Linear, Number
from nc.ir.diagnostics import Diagnostic, Where, fail
from nc.ir.graph import Graph
from nc.ir.ops.base import INT64_MAX, Array
from nc.ir.ops.clip import Clip
from nc.ir.ops.quantize import ROUNDINGS
from nc.ir.ops.relu import Relu
from nc.ir.ops.table import Table
from nc.ir.types import IntType

MOST_EDGES = 1 << 23  # thresholds of one staircase: 64 MB
TABLE_ENTRIES = 1 << 12  # from here on comparisons are smaller than the table of a monotone function ...
LEVEL_COST = 4  # ... where its levels are so many times fewer
TABLE_SPAN = 1 << 16  # the widest integer of which a non-linear function is tabulated
PRECISION = 240  # bits of the arbitrary-precision evaluation
NEAR_TIE = 1e-6  # float64 results this near to a rounding boundary are decided in arbitrary precision


@dataclass(frozen=True)
class Quantiser:
    """y = clamp(round(x / scale[c] + zero_point[c]), lo, hi), or the sign (-1, +1) when `bipolar`.

    Tuples of length 1 serve all channels.
    """

    scale: tuple[Fraction, ...]
    zero_point: tuple[int, ...]
    lo: int
    hi: int
    rounding: str
    bipolar: bool = False

    def scale_of(self, channel: int) -> Fraction:
        return self.scale[channel if len(self.scale) > 1 else 0]

    def zero_of(self, channel: int) -> int:
        return self.zero_point[channel if len(self.zero_point) > 1 else 0]

    def level(self, x: Fraction, channel: int) -> int:
        """The exact y of a real x."""
        if self.bipolar:
            return 1 if x >= 0 else -1
        scaled = x / self.scale_of(channel) + self.zero_of(channel)
        return min(max(round_exact(scaled, self.rounding), self.lo), self.hi)


@dataclass(frozen=True)
class Staircase:
    """Monotone y(q) by channel: y = base + step * #{k : q >= edges[c, k]} (or <= where sign[c] is -1).

    `edges` int64 (C, K) ascending; edges outside the range of q are clamped to one beyond it.
    """

    edges: Array
    sign: Array
    base: int
    step: int


@dataclass(frozen=True)
class Tabulated:
    """Any y(q): `entries` int64 (C, span) from `lo`."""

    entries: Array
    lo: int


def round_exact(x: Fraction, rounding: str) -> int:
    """Rounding of an exact fraction by the names of `quantize`."""
    floor = x.numerator // x.denominator
    rest = x - floor
    if rest == 0:
        return floor
    half = Fraction(1, 2)
    if rounding == "half_even":
        up = rest > half or (rest == half and floor % 2 == 1)
    elif rounding == "half_odd":
        up = rest > half or (rest == half and floor % 2 == 0)
    elif rounding == "half_zero":
        up = rest > half or (rest == half and x < 0)
    elif rounding == "half_up":
        up = rest >= half
    elif rounding == "half_down":
        up = rest > half
    elif rounding == "half_away":
        up = rest > half or (rest == half and x > 0)
    elif rounding == "zero":
        up = x < 0
    elif rounding == "away":
        up = x > 0
    else:
        up = rounding == "ceil"
    return floor + up


def staircase(number: Number, kind: IntType, quantiser: Quantiser) -> Staircase | Tabulated:
    """The exact y(q) of a quantised number over the range of q. Raises NC302 when q is too wide for a table."""
    clamped = _clamped_linear(number)
    if clamped is not None:
        return _linear_staircase(number, kind, quantiser, clamped)
    span = kind.hi - kind.lo
    few = span >= TABLE_SPAN or LEVEL_COST * (quantiser.hi - quantiser.lo) <= span
    if span >= TABLE_ENTRIES and few and (sign := _direction(number)) is not None:
        return _bisected(number, kind, quantiser, sign)
    if span >= TABLE_SPAN:
        names = ", ".join(s.name for s in number.steps if not isinstance(s, Linear))
        fail(
            "NC302",
            f"the input of {names} must be an integer of at most 16 bits, not {kind.bits}",
            help="put a quantiser in front of the function (the 'quantise' pass does, given calibration data)",
        )
    return Tabulated(_tabulate(number, kind, quantiser), kind.lo)


def long_tables(graph: Graph) -> list[Diagnostic]:
    """A warning for each table of an integer graph that is too long to be what a user wants."""
    return [
        Diagnostic(
            "NC314",
            f"a function must read an integer of few values to be a small table, not of {node.op.entries.shape[1]:,}",
            Where(node=node.origin),
            help="quantise in front of it; with --calib DATA, nc does (quantise.activation_bits)",
            severity="warning",
        )
        for node in graph.nodes
        if isinstance(node.op, Table) and node.op.entries.shape[1] > TABLE_ENTRIES
    ]


def monotone_staircase(number: Number, kind: IntType, quantiser: Quantiser) -> Staircase | None:
    """The exact y(q) as a staircase however wide q is, or None where some step is not monotone."""
    if (clamped := _clamped_linear(number)) is not None:
        return _linear_staircase(number, kind, quantiser, clamped)
    sign = _direction(number)
    return None if sign is None or kind.hi > INT64_MAX // 2 else _bisected(number, kind, quantiser, sign)


def is_clamped_line(number: Number) -> bool:
    """Whether the steps are one line between two bounds."""
    return _clamped_linear(number) is not None


@dataclass(frozen=True)
class _Clamped:
    """clamp(scale * q + offset, lo, hi) by channel; None: no bound."""

    linear: Linear
    lo: tuple[Fraction | None, ...]
    hi: tuple[Fraction | None, ...]


def _clamped_linear(number: Number) -> _Clamped | None:
    """The chain as one linear function between two bounds, or None when it has another kind of step."""
    count = number.channels
    scale, offset = list(number.scale), list(number.offset)
    lo: list[Fraction | None] = [None] * count
    hi: list[Fraction | None] = [None] * count
    for step in number.steps:
        if isinstance(step, Linear):
            for c in range(count):
                a, b = (side[c if len(side) > 1 else 0] for side in (step.scale, step.offset))
                scale[c], offset[c] = scale[c] * a, offset[c] * a + b
                bounds = [None if v is None else v * a + b for v in (lo[c], hi[c])]
                lo[c], hi[c] = bounds if a >= 0 else bounds[::-1]
        elif isinstance(step, (Relu, Clip)):
            floor = Fraction(0) if isinstance(step, Relu) else _bound(step.lo)
            ceiling = None if isinstance(step, Relu) else _bound(step.hi)
            for c in range(count):
                lo[c], hi[c] = _tighten(lo[c], hi[c], floor, ceiling)
        else:
            return None
    return _Clamped(Linear(tuple(scale), tuple(offset)), tuple(lo), tuple(hi))


def _bound(value: float) -> Fraction | None:
    return None if np.isinf(value) else Fraction(value)


def _tighten(
    lo: Fraction | None, hi: Fraction | None, floor: Fraction | None, ceiling: Fraction | None
) -> tuple[Fraction | None, Fraction | None]:
    """Bounds of min(max(clamp(x, lo, hi), floor), ceiling)."""
    if floor is not None:
        lo = floor if lo is None else max(lo, floor)
        hi = None if hi is None else max(hi, floor)
    if ceiling is not None:
        hi = ceiling if hi is None else min(hi, ceiling)
        lo = None if lo is None else min(lo, ceiling)
    return lo, hi


def _linear_staircase(number: Number, kind: IntType, quantiser: Quantiser, chain: _Clamped) -> Staircase:
    """Invert the line at every rounding boundary. Rounding is monotone, so a clamp of reals is a clamp of levels."""
    count = number.channels
    scale, offset = chain.linear.scale, chain.linear.offset
    spans = []
    for c in range(count):
        ends = [
            quantiser.level(_clamp(scale[c] * q + offset[c], chain.lo[c], chain.hi[c]), c) for q in (kind.lo, kind.hi)
        ]
        spans.append((min(ends), max(ends)))
    base, top = min(s[0] for s in spans), max(s[1] for s in spans)
    step = 2 if quantiser.bipolar else 1
    levels = range(base + step, top + 1, step)
    if (total := count * len(levels)) > MOST_EDGES:
        fail(
            "NC310",
            f"a quantiser must cut its input into at most {MOST_EDGES:,} levels over all channels, not {total:,}",
            help="give it fewer bits, or leave it out where the next one is coarser anyway",
        )
    edges = np.empty((count, len(levels)), np.int64 if kind.magnitude <= INT64_MAX // 2 else object)
    sign = np.array([-1 if s < 0 else 1 for s in scale], np.int64)
    for c in range(count):
        never, always = (kind.hi + 1, kind.lo) if sign[c] > 0 else (kind.lo - 1, kind.hi)
        low, high = spans[c]
        edge = _edges(scale[c], offset[c], quantiser, c)
        row = [always if y <= low else never if y > high else edge(y) for y in levels]
        edges[c] = row if sign[c] > 0 else row[::-1]
    return Staircase(edges, sign, base, step)


def _clamp(x: Fraction, lo: Fraction | None, hi: Fraction | None) -> Fraction:
    x = x if lo is None else max(x, lo)
    return x if hi is None else min(x, hi)


def _edges(scale: Fraction, offset: Fraction, quantiser: Quantiser, channel: int) -> Callable[[int], int]:
    """y -> the outermost q whose level is y or above: the least q when rising, the greatest when falling.

    The boundary of level y lies at q = (t(y) * S / 2 - offset) / scale for a whole t(y); over a common denominator
    that is (a * t - b) / d in whole numbers, many times faster than fractions.
    """
    if scale == 0:
        return lambda y: 0  # never asked: a constant has a single level
    step = Fraction(2) if quantiser.bipolar else quantiser.scale_of(channel)
    slope, shift = step / (2 * scale), offset / scale
    d = slope.denominator * shift.denominator // gcd(slope.denominator, shift.denominator)
    a, b = int(slope * d), int(shift * d)

    def rising(y: int) -> int:
        twice, inclusive = lower_boundary(y, quantiser, channel)
        x = a * twice - b
        return -(-x // d) if inclusive else x // d + 1

    def falling(y: int) -> int:
        twice, inclusive = lower_boundary(y, quantiser, channel)
        x = a * twice - b
        return x // d if inclusive else -(-x // d) - 1

    return rising if scale > 0 else falling


def lower_boundary(y: int, quantiser: Quantiser, channel: int) -> tuple[int, bool]:
    """(t, inclusive): the level is at least y from x = t / 2 * scale on, that number included or not."""
    if quantiser.bipolar:
        return 0, True
    shift, inclusive = BOUNDARIES[quantiser.rounding](y)
    return 2 * (y - quantiser.zero_of(channel)) - shift, inclusive


# For each rounding: by how many halves the boundary of level y lies below y, and whether it belongs to y.
BOUNDARIES: dict[str, Callable[[int], tuple[int, bool]]] = {
    "half_even": lambda y: (1, y % 2 == 0),
    "half_odd": lambda y: (1, y % 2 == 1),
    "half_zero": lambda y: (1, y <= 0),
    "half_up": lambda y: (1, True),
    "half_down": lambda y: (1, False),
    "half_away": lambda y: (1, y > 0),
    "floor": lambda y: (0, True),
    "ceil": lambda y: (2, False),
    "zero": lambda y: (0, True) if y > 0 else (2, False),
    "away": lambda y: (2, False) if y > 0 else (0, True),
}


def _direction(number: Number) -> Array | None:
    """+1 for rising, -1 for falling, by channel; None when some step is not monotone."""
    sign = np.sign([float(s) for s in number.scale])
    for step in number.steps:
        if isinstance(step, Linear):
            sign = sign * np.sign([float(s) for s in step.scale])
        elif step.monotone:
            sign = sign * step.monotone
        else:
            return None
    return np.where(sign < 0, -1, 1).astype(np.int64)


def _bisected(number: Number, kind: IntType, quantiser: Quantiser, sign: Array) -> Staircase:
    """Edges of a monotone chain over a wide integer: bisection in float64, then each edge settled exactly."""
    rising = sign[:, None] > 0
    with mp.workprec(PRECISION):
        exact = cache(lambda c, q: _exact_level(number, c, int(q), quantiser))
        ends = [exact(c, q) for c in range(number.channels) for q in (kind.lo, kind.hi)]
        step = 2 if quantiser.bipolar else 1
        levels = np.arange(min(ends) + step, max(ends) + 1, step)
        # In falling channels look along -q: the least p = -q whose level is reached.
        low, high = np.where(rising, kind.lo, -kind.hi), np.where(rising, kind.hi, -kind.lo)
        below = np.broadcast_to(low, (len(sign), len(levels))).copy()
        above = np.broadcast_to(high + 1, below.shape).copy()
        while np.any(below < above):
            middle = (below + above) // 2
            reached = _float_levels(number, middle * sign[:, None], quantiser) >= levels
            open_ = below < above
            above, below = np.where(open_ & reached, middle, above), np.where(open_ & ~reached, middle + 1, below)
        for c, k in np.ndindex(below.shape):
            p, least, most = int(below[c, k]), int(low[c, 0]), int(high[c, 0])
            while p > least and exact(c, (p - 1) * int(sign[c])) >= levels[k]:
                p -= 1
            while p <= most and exact(c, p * int(sign[c])) < levels[k]:
                p += 1
            below[c, k] = p
    edges = np.where(rising, below, -below[:, ::-1])
    return Staircase(edges.astype(np.int64), sign, min(ends), step)


def _float_levels(number: Number, q: Array, quantiser: Quantiser) -> Array:
    """y(q) in float64: (C, K) integers, row c by channel c."""
    return np.stack([_float_row(number, c, line.astype(np.float64), quantiser)[1] for c, line in enumerate(q)])


def _tabulate(number: Number, kind: IntType, quantiser: Quantiser) -> Array:
    """y for every q, by channel: float64 first, and arbitrary precision wherever that is near a boundary."""
    q = np.arange(kind.lo, kind.hi + 1, dtype=np.float64)
    rows: dict[tuple[Any, ...], Array] = {}
    table = []
    for c in range(number.channels):
        identity = _channel_key(number, quantiser, c)
        if identity not in rows:
            rows[identity] = _row(number, c, q, quantiser)
        table.append(rows[identity])
    return np.stack(table[:1] if len(rows) == 1 else table)


def _channel_key(number: Number, quantiser: Quantiser, c: int) -> tuple[Any, ...]:
    pick = [(s.scale[c % len(s.scale)], s.offset[c % len(s.offset)]) for s in number.steps if isinstance(s, Linear)]
    return (number.scale[c], number.offset[c], quantiser.scale_of(c), quantiser.zero_of(c), *pick)


def _row(number: Number, c: int, q: Array, quantiser: Quantiser) -> Array:
    scaled, row = _float_row(number, c, q, quantiser)
    twice = scaled if quantiser.bipolar else scaled * 2
    with np.errstate(invalid="ignore"):  # infinities are settled below
        distance = np.abs(twice) if quantiser.bipolar else np.abs(twice - np.rint(twice))
    unsure = ~np.isfinite(twice) | ~(distance >= NEAR_TIE * np.maximum(1, np.abs(twice)))
    with mp.workprec(PRECISION):
        for index in np.flatnonzero(unsure):
            row[index] = _exact_level(number, c, int(q[index]), quantiser)
    return row


def _float_row(number: Number, c: int, q: Array, quantiser: Quantiser) -> tuple[Array, Array]:
    """(x / scale + zero point, its level) of one channel in float64."""
    x = float_chain(number, c, q)
    if quantiser.bipolar:
        return x, np.where(x >= 0, 1, -1).astype(np.int64)
    scaled = x / float(quantiser.scale_of(c)) + quantiser.zero_of(c)
    safe = np.where(np.isfinite(scaled), scaled, 0)
    return scaled, np.clip(ROUNDINGS[quantiser.rounding](safe), quantiser.lo, quantiser.hi).astype(np.int64)


def _exact_level(number: Number, c: int, q: int, quantiser: Quantiser) -> int:
    x = exact_chain(number, c, q)
    if x is None or mp.isnan(x):
        fail(
            "NC303",
            f"a function of the model must be defined at {float(number.scale[c] * q + number.offset[c])}",
            help="clip its input",
        )
    if mp.isinf(x):
        return quantiser.hi if x > 0 else quantiser.lo
    return quantiser.level(_snap(x), c)


def _snap(x: Any) -> Fraction:
    """The exact value of an mpmath number, snapped to a short fraction it cannot be told from.

    Rational chains round at the last of 240 bits; a tie they meet exactly must stay a tie.
    """
    mantissa, exponent = mp.frexp(x)
    exact = Fraction(int(mp.ldexp(mantissa, PRECISION))) * Fraction(2) ** (int(exponent) - PRECISION)
    short = exact.limit_denominator(1 << 60)
    return short if abs(short - exact) < Fraction(1, 1 << 160) else exact
