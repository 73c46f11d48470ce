"""A quantised sum as multiply, add and shift of its branches: multipliers that hold the slope of the quantiser.

clamp((sum_i c_i q_i + offset) >> shift): proved, for each level, at the least sum of the points that reach it and at
the greatest of those that do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from nc.compiler.passes.integerize.branches import Channel, Plan
from nc.compiler.passes.integerize.realise import roundest, slopes
from nc.compiler.passes.integerize.staircase import Quantiser, is_clamped_line
from nc.ir.ops.requantize import Requantize
from nc.ir.types import IntType
from nc.ir.words.builder import csd

MOST_SHIFT = 20
FURTHER = 2  # shifts beyond the first that works: some have multipliers of fewer digits
MOST_WORK = 1 << 22  # points of all channels that one shift looks at


@dataclass(frozen=True)
class Scaled:
    """Multipliers by channel and branch, offsets by channel."""

    multipliers: list[tuple[int, ...]]
    offsets: list[int]
    shift_by: int
    lo: int
    hi: int

    @property
    def adders(self) -> int:
        """Additions for one element of each channel."""
        return sum(
            sum(len(csd(m)) for m in row) - 1 + (offset != 0)
            for row, offset in zip(self.multipliers, self.offsets, strict=True)
        )

    def shift(self, axis: int) -> Requantize:
        """What follows the sum."""
        one = np.ones(1, np.int64)
        return Requantize(one, np.array(self.offsets, np.int64), self.shift_by, self.lo, self.hi, axis)


def scaled(plan: Plan, kinds: Sequence[IntType], quantiser: Quantiser) -> Scaled | None:
    """The form with the fewest adders among the least shifts that work in all channels, or None."""
    form = plan.form
    if form.step != 1 or any(k.step != 1 for k in kinds) or np.any(form.sign < 0) or not form.edges.shape[1]:
        return None
    if not is_clamped_line(plan.number) or not all(channel.live for channel in plan.channels):
        return None
    if sum(channel.join.points for channel in plan.channels) > MOST_WORK:
        return None
    found: list[Scaled] = []
    steep = slopes(plan.number, quantiser)
    for shift in range(MOST_SHIFT + 1):
        rows = []
        for channel, slope in zip(plan.channels, steep, strict=True):
            row = min(_fitting(channel, slope, shift, form.base), key=_digits, default=None)
            if row is None:
                break
            rows.append(row)
        if len(rows) == len(plan.channels):
            top = form.base + form.edges.shape[1]
            found.append(Scaled([r[0] for r in rows], [r[1] for r in rows], shift, form.base, top))
            if len(found) > FURTHER:
                break
    return min(found, key=lambda s: s.adders, default=None)


def _digits(row: tuple[tuple[int, ...], int]) -> int:
    return sum(len(csd(m)) for m in row[0]) + (row[1] != 0)


def _fitting(channel: Channel, slope: Fraction, shift: int, base: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """(multipliers, offset) of one channel that give its level everywhere."""
    ideal = [slope * channel.weights[i] * (1 << shift) for i in channel.order]
    for moving in product(*(sorted({int(v // 1), -int(-v // 1)}) for v in ideal)):
        if min(moving) < 1:
            continue
        weights = channel.spread(moving)
        signed = channel.signed(weights, 1)
        ends = _offsets(channel, weights, shift, base)
        if ends is None:
            continue
        rest = channel.rest(signed)
        yield signed, int(roundest(np.array([ends[0] - rest]), np.array([ends[1] - rest]))[0])


def _offsets(channel: Channel, weights: tuple[int, ...], shift: int, base: int) -> tuple[int, int] | None:
    """The offsets, first to last, with which the shifted sum is the level everywhere (but for the clamp)."""
    sides = channel.sides(weights)
    least, most = [], []
    for k, edge in enumerate(channel.edges, base + 1):
        if edge in channel.place:
            place = channel.place[edge]
            least.append((k << shift) - int(sides.least[place]))
            most.append((k << shift) - 1 - int(sides.most[place]))
    bottom = base + sum(edge <= 0 for edge in channel.edges)
    reached = base + sum(edge <= channel.top for edge in channel.edges)
    if bottom > base:
        least.append(bottom << shift)
    if reached < base + len(channel.edges):
        greatest = sum(w * n for w, n in zip(weights, channel.counts, strict=True))
        most.append((reached + 1 << shift) - 1 - greatest)
    return (max(least), min(most)) if max(least) <= min(most) else None
