"""From a staircase to the cheapest exact operation: nothing, a clamp, a shift, a multiplication, thresholds, a table.

A requantisation (multiply, add, shift) is chosen only when it reproduces every edge of the staircase; this is
proved edge by edge, so no float rounding can slip in.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from nc.compiler.passes.integerize.numbers import Linear, Number
from nc.compiler.passes.integerize.staircase import Quantiser, Staircase, Tabulated
from nc.ir.diagnostics import InternalError
from nc.ir.graph import Builder, Value
from nc.ir.ops.base import INT64_MAX, Array
from nc.ir.ops.clip import Clip
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.table import Table
from nc.ir.types import IntType

FEW_LEVELS = 3  # up to here comparisons are cheaper than a multiplication
MAX_SHIFT = 40
SMALL_TABLE = 64


def realise(build: Builder, number: Number, form: Staircase | Tabulated, quantiser: Quantiser) -> Value:
    """Append the operation that computes y(q) from the number's integers; returns its value."""
    kind = build.type(number.value).int
    axis = 0 if number.axis is None else number.axis
    if isinstance(form, Tabulated):
        return build.add(Table(form.entries, form.lo, axis), number.value)
    form = _merged(form)
    if _same_two(form, kind):
        return number.value
    if form.step == 1 and form.edges.shape[1]:
        if (identity := _identity(build, number.value, form, kind)) is not None:
            return identity
        if form.edges.shape[1] > FEW_LEVELS and (found := requantize(form, kind, axis, slopes(number, quantiser))):
            return build.add(found, number.value)
    return build.add(MultiThreshold(form.edges, form.sign, axis, form.base, form.step), number.value)


def _merged(form: Staircase) -> Staircase:
    """One row where all channels are the same."""
    if len(form.edges) > 1 and np.all(form.edges == form.edges[0]) and np.all(form.sign == form.sign[0]):
        return Staircase(form.edges[:1], form.sign[:1], form.base, form.step)
    return form


def _same_two(form: Staircase, kind: IntType) -> bool:
    """y = q of integers that take two values (signs of signs)."""
    if form.edges.shape != (1, 1) or form.sign[0] < 0 or kind.step != kind.hi - kind.lo:
        return False
    return (form.base, form.step) == (kind.lo, kind.step) and kind.lo < int(form.edges[0, 0]) <= kind.hi


def _identity(build: Builder, value: Value, form: Staircase, kind: IntType) -> Value | None:
    """y = q, or y = q clamped to a shorter range."""
    lo, hi = form.base, form.base + form.edges.shape[1]
    if len(form.edges) != 1 or form.sign[0] < 0 or kind.step != 1 or lo < kind.lo or hi > kind.hi:
        return None
    if not np.array_equal(form.edges[0], np.arange(lo + 1, hi + 1)):
        return None
    return value if (lo, hi) == (kind.lo, kind.hi) else build.add(Clip(lo, hi), value)


def slopes(number: Number, quantiser: Quantiser) -> list[Fraction]:
    """d(y) / d(q) between the clamps, by channel."""
    slopes = []
    for c in range(number.channels):
        slope = number.scale[c] / quantiser.scale[c % len(quantiser.scale)]
        for step in number.steps:
            if isinstance(step, Linear):
                slope *= step.scale[c % len(step.scale)]
        slopes.append(slope)
    return slopes


def requantize(form: Staircase, kind: IntType, axis: int, slopes: list[Fraction]) -> Requantize | None:
    """The multiply-add-shift with the smallest shift that equals the staircase at every edge, or None.

    With rising edges t_k of the levels Y_k an offset b works exactly when, for all k with t_k inside the range,
    m * t_k + b >= Y_k << s and m * (t_k - 1) + b < Y_k << s: an interval for b.
    """
    slopes = slopes if len(form.edges) > 1 else slopes[:1]
    lo, hi = form.base, form.base + form.edges.shape[1]
    for shift in range(MAX_SHIFT + 1):
        multipliers = np.array([_nearest(s, shift) for s in slopes], object)
        reach = max(abs(int(m)) for m in multipliers) * kind.magnitude + (max(abs(lo), abs(hi)) + 1 << shift)
        if reach > INT64_MAX:
            return None
        if not all(multipliers[c] or not slopes[c] for c in range(len(slopes))):
            continue
        offsets = _offsets(form, kind, multipliers.astype(np.int64), shift)
        if offsets is not None:
            exact = Requantize(multipliers.astype(np.int64), offsets, shift, lo, hi, axis)
            return _checked(exact, form, kind)
        if all(Fraction(m, 1 << shift) == s for m, s in zip(multipliers, slopes, strict=True)):
            return _half_even(form, kind, axis, multipliers.astype(np.int64), shift)
    return None


def _nearest(slope: Fraction, shift: int) -> int:
    return round(slope * (1 << shift))


def _bounds(form: Staircase, kind: IntType) -> tuple[Array, Array, Array]:
    """(live, at, before): edges inside the range, the q that reaches each, and its neighbour that does not."""
    rising = form.sign[:, None] > 0
    lo, hi = np.where(rising, kind.lo + 1, kind.lo), np.where(rising, kind.hi, kind.hi - 1)
    live = (form.edges >= lo) & (form.edges <= hi)  # an edge at the end of the range separates nothing
    at = np.where(rising, form.edges, form.edges[:, ::-1])
    live = np.where(rising, live, live[:, ::-1])
    return live, at, np.where(rising, at - 1, at + 1)


def _offsets(form: Staircase, kind: IntType, multipliers: Array, shift: int) -> Array | None:
    live, at, before = _bounds(form, kind)
    targets = (np.arange(1, form.edges.shape[1] + 1) + form.base << shift).astype(np.int64)
    m = multipliers[:, None]
    least = np.where(live, targets - m * at, np.iinfo(np.int64).min).max(axis=1)
    most = np.where(live, targets - m * before - 1, np.iinfo(np.int64).max).min(axis=1)
    # Channels that never move have no live edge: hold them on their only level.
    reached = np.where(form.sign[:, None] > 0, form.edges <= kind.lo, form.edges >= kind.hi).sum(axis=1)
    still = ~live.any(axis=1)
    resting = (form.base + reached << shift) - np.minimum(multipliers * kind.lo, multipliers * kind.hi)
    if np.any(still & (np.abs(multipliers) * (kind.hi - kind.lo) >= 1 << shift)):
        return None
    # A clamp hides what lies beyond it, but a channel that stops short of the clamp must stop by itself.
    least, most = np.where(still, resting, least), np.where(still, resting, most)
    ends = _end_levels(form, kind)
    for q, level in zip((kind.lo, kind.hi), ends, strict=True):
        open_top, open_bottom = level < form.base + form.edges.shape[1], level > form.base
        most = np.where(open_top, np.minimum(most, (level + 1 << shift) - multipliers * q - 1), most)
        least = np.where(open_bottom, np.maximum(least, (level << shift) - multipliers * q), least)
    if np.any(least > most):
        return None
    return roundest(least, most)


def _end_levels(form: Staircase, kind: IntType) -> tuple[Array, Array]:
    """The levels at both ends of the range of q, by channel."""
    rising = form.sign[:, None] > 0
    low, high = (form.base + np.where(rising, form.edges <= q, form.edges >= q).sum(axis=1) for q in (kind.lo, kind.hi))
    return low, high


def roundest(least: Array, most: Array) -> Array:
    """From each interval the number with the most trailing zeros: the cheapest constant to add."""
    chosen = []
    for a, b in zip(least.tolist(), most.tolist(), strict=True):
        if a <= 0 <= b:
            chosen.append(0)
            continue
        power = (b - a + 1).bit_length()
        while -(-a >> power) << power > b:
            power -= 1
        chosen.append(-(-a >> power) << power)
    return np.array(chosen, np.int64)


def _half_even(form: Staircase, kind: IntType, axis: int, multipliers: Array, shift: int) -> Requantize | None:
    """Ties to even need their own rounding: found when the offset is whole, proved at every edge."""
    if not shift:
        return None
    live, at, _ = _bounds(form, kind)
    levels = np.arange(1, form.edges.shape[1] + 1) + form.base
    half = 1 << shift - 1
    offsets = []
    for c, row in enumerate(live):
        if not row.any():
            return None
        k = int(np.flatnonzero(row)[0])
        boundary = (int(levels[k]) << shift) - half - int(multipliers[c]) * int(at[c, k])
        candidates = [boundary + d for d in range(-1, min(abs(int(multipliers[c])), 64) + 2)]
        fits = [o for o in candidates if _agrees(c, o, form, kind, multipliers, shift)]
        if not fits:
            return None
        offsets.append(min(fits, key=abs))
    lo, hi = form.base, form.base + form.edges.shape[1]
    return _checked(Requantize(multipliers, np.array(offsets, np.int64), shift, lo, hi, axis, "half_even"), form, kind)


def _agrees(c: int, offset: int, form: Staircase, kind: IntType, multipliers: Array, shift: int) -> bool:
    lo, hi = form.base, form.base + form.edges.shape[1]
    op = Requantize(multipliers[c : c + 1], np.array([offset], np.int64), shift, lo, hi, 0, "half_even")
    one = Staircase(form.edges[c : c + 1], form.sign[c : c + 1], form.base, form.step)
    return _equal(op, one, kind)


def _equal(op: Requantize, form: Staircase, kind: IntType) -> bool:
    """Does the operation give the staircase's level on both sides of every edge and at both ends? Both are
    monotone, so that is everywhere."""
    live, at, before = _bounds(form, kind)
    probes = np.where(live, at, kind.lo), np.where(live, before, kind.hi)
    q = np.concatenate([*probes, np.full((len(at), 1), kind.lo), np.full((len(at), 1), kind.hi)], axis=1)
    rows = Requantize(op.multiplier, op.offset, op.shift, op.lo, op.hi, 0, op.rounding).evaluate(q[None])[0]
    want = MultiThreshold(form.edges, form.sign, 0, form.base, form.step).evaluate(q[None])[0]
    return bool(np.array_equal(rows, want))


def _checked(op: Requantize, form: Staircase, kind: IntType) -> Requantize:
    if not _equal(op, form, kind):
        raise InternalError("a requantisation differs from the staircase it was derived from")
    return op
