"""Quantising a sum of branches: the least integers that give the same level for every value of the branches.

Two forms are found and the one with fewer adders is taken: the least multipliers with the staircase over their short
sum, and multipliers that hold the slope of the quantiser themselves, so that a shift of the sum is the level. Both are
proved at every point of the branches' ranges, channel by channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from math import lcm

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.branches import Channel, Plan, channels_of
from nc.compiler.passes.integerize.numbers import Number, Sum
from nc.compiler.passes.integerize.realise import FEW_LEVELS, realise, requantize, slopes
from nc.compiler.passes.integerize.scaled import scaled
from nc.compiler.passes.integerize.staircase import Quantiser, Staircase
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.graph import Value
from nc.ir.ops.add import Add
from nc.ir.ops.requantize import Requantize
from nc.ir.types import IntType
from nc.ir.words.builder import csd

TABLE_BITS = 6  # up to here a staircase is a small table whatever its edges


def quantised(t: Translation, form: Sum, quantiser: Quantiser, axis: int | None) -> Value | None:
    """The level of a sum, or None where only the exact sum will do: the steps behind it are not monotone, the
    branches have scales along two axes, or too many points to look at."""
    key = (form.terms, form.steps, quantiser, axis)
    if key not in t.computed:
        t.computed[key] = _quantised(t, form, quantiser, axis)
    value: Value | None = t.computed[key]
    return value


def _quantised(t: Translation, form: Sum, quantiser: Quantiser, axis: int | None) -> Value | None:
    axes = {axis, *(n.axis for n in form.terms)} - {None}
    if len(axes) > 1:
        return None
    own = next(iter(axes), None)
    if own is not None:
        extent = max(t.build.type(n.value).shape[own] for n in form.terms)
        form = replace(form, terms=tuple(n.widened(own, extent) for n in form.terms))
    kinds = [t.build.type(n.value).int for n in form.terms]
    plan = channels_of(form, kinds, quantiser, own)
    if plan is None:
        return None
    weights = [channel.least() for channel in plan.channels]
    if any(w is None for w in weights):
        return None
    weighed = _Weighed(plan, kinds, [w for w in weights if w is not None], quantiser)
    found = scaled(plan, kinds, quantiser)
    if found is not None and found.adders < weighed.adders:
        total = _total(t, form, found.multipliers, own)
        return t.build.add(found.shift(total_axis(own)), total)
    total = _total(t, form, weighed.multipliers, own)
    return realise(t.build, replace(weighed.number, value=total), weighed.staircase, quantiser)


def total_axis(axis: int | None) -> int:
    """The axis that an operation names when there is one row for the tensor."""
    return 0 if axis is None else axis


def _total(t: Translation, form: Sum, multipliers: Sequence[Sequence[int]], axis: int | None) -> Value:
    """sum_i multipliers[channel][i] * term_i, at the node that adds them."""
    origin, t.build.origin = t.build.origin, form.origin
    factors = [tuple(map(Fraction, row)) for row in zip(*multipliers, strict=True)]
    parts = [align.times(t, n.value, f, axis) for n, f in zip(form.terms, factors, strict=True)]
    value = reduce(lambda a, b: t.build.add(Add(), a, b), parts)
    t.build.origin = origin
    return value


class _Weighed:
    """The least multipliers and the staircase over their sum."""

    def __init__(self, plan: Plan, kinds: Sequence[IntType], weights: list[tuple[int, ...]], quantiser: Quantiser):
        unit = lcm(*(kind.step for kind in kinds))
        rows = list(zip(plan.channels, weights, strict=True))
        self.multipliers = [channel.signed(w, unit) for channel, w in rows]
        self.kind = kind_of(self.multipliers, kinds)
        edges = [self._edges(channel, w, unit, own) for (channel, w), own in zip(rows, self.multipliers, strict=True)]
        self.staircase = Staircase(
            np.array(edges, np.int64).reshape(len(edges), -1), plan.form.sign, plan.form.base, plan.form.step
        )
        scale = tuple(channel.slope(w) / unit for channel, w in rows)
        self.number: Number = replace(plan.number, scale=scale, offset=(Fraction(0),) * len(scale))
        self._quantiser = quantiser

    def _edges(self, channel: Channel, weights: tuple[int, ...], unit: int, own: Sequence[int]) -> list[int]:
        """Thresholds of the weighed sum: as near to the exact ones as the points let them be."""
        rest = channel.rest(own)
        sides = channel.sides(weights)
        found = []
        for edge in channel.edges:
            if edge in channel.place:
                k = channel.place[edge]
                ideal = round(edge * channel.ratio(weights) * unit)
                within = min(max(ideal, int(sides.most[k]) * unit + 1), int(sides.least[k]) * unit)
                found.append(within + rest)
            else:
                found.append(self.kind.lo if edge <= 0 else self.kind.hi + 1)
        return found if channel.sign > 0 else [edge - 1 for edge in found]

    @property
    def adders(self) -> int:
        """Additions for one element of each channel."""
        return adders_of(self.multipliers) + self._behind() * len(self.multipliers)

    def _behind(self) -> int:
        levels = self.staircase.edges.shape[1]
        if self.kind.bits <= TABLE_BITS or levels <= 1:
            return 1
        if self.staircase.step == 1 and levels > FEW_LEVELS:
            slope = slopes(self.number, self._quantiser)
            op = requantize(self.staircase, self.kind, total_axis(self.number.axis), slope)
            if isinstance(op, Requantize):
                return len(csd(int(op.multiplier[0]))) - 1 + bool(np.any(op.offset))
        return int(levels)


def kind_of(multipliers: Sequence[Sequence[int]], kinds: Sequence[IntType]) -> IntType:
    """The range of the sum over all channels, as the graph will have it."""
    ends = [
        [sorted((row[i] * kind.lo, row[i] * kind.hi)) for row in multipliers] for i, kind in enumerate(kinds)
    ]  # by term, then channel
    return IntType(sum(min(e[0] for e in term) for term in ends), sum(max(e[1] for e in term) for term in ends))


def adders_of(multipliers: Sequence[Sequence[int]]) -> int:
    """Additions and subtractions of the weighed sums, one element a channel."""
    return sum(sum(len(csd(m)) for m in row) - 1 for row in multipliers)
