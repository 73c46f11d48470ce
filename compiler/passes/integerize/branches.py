"""A sum of branches and its quantiser as whole numbers: by channel the steps of each branch and the exact thresholds.

Branch i has the integers q = lo + step * j, or q = hi - step * j where its scale is negative, so that every sum rises
with every j: S = sum_i M_i j_i, real = grid * S + offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from nc.compiler.passes.integerize.numbers import Number, Sum, common_grid
from nc.compiler.passes.integerize.separate import Join, Sides
from nc.compiler.passes.integerize.staircase import Quantiser, Staircase, monotone_staircase
from nc.ir.types import IntType


@dataclass(frozen=True)
class Channel:
    """`weights` are the M_i of all branches; `edges` all thresholds of S, also those that no S reaches or misses."""

    kinds: tuple[IntType, ...]
    scales: tuple[Fraction, ...]
    grid: Fraction
    edges: tuple[int, ...]
    sign: int

    @cached_property
    def weights(self) -> tuple[int, ...]:
        return tuple(int(abs(s) * k.step / self.grid) for s, k in zip(self.scales, self.kinds, strict=True))

    @cached_property
    def counts(self) -> tuple[int, ...]:
        return tuple((k.hi - k.lo) // k.step for k in self.kinds)

    @cached_property
    def top(self) -> int:
        """The greatest S."""
        return sum(w * n for w, n in zip(self.weights, self.counts, strict=True))

    @cached_property
    def order(self) -> list[int]:
        """The branches that move the sum, the longest last."""
        moving = [i for i, (w, n) in enumerate(zip(self.weights, self.counts, strict=True)) if w and n]
        return sorted(moving, key=lambda i: self.counts[i])

    @cached_property
    def live(self) -> tuple[int, ...]:
        """The thresholds that some S reaches and some does not."""
        return tuple(sorted({e for e in self.edges if 0 < e <= self.top}))

    @cached_property
    def place(self) -> dict[int, int]:
        """Where each live threshold stands among them."""
        return {edge: k for k, edge in enumerate(self.live)}

    @cached_property
    def join(self) -> Join:
        weights, counts = (tuple(side[i] for i in self.order) for side in (self.weights, self.counts))
        return Join(weights, counts, self.live)

    def least(self) -> tuple[int, ...] | None:
        """The least weights of all branches that decide alike; 0 where a branch decides nothing."""
        if not self.live:
            return (0,) * len(self.kinds)
        found = self.join.least()
        return None if found is None else self.spread(found)

    def spread(self, moving: Sequence[int]) -> tuple[int, ...]:
        """Weights of the moving branches as weights of all."""
        weights = [0] * len(self.kinds)
        for i, weight in zip(self.order, moving, strict=True):
            weights[i] = weight
        return tuple(weights)

    def sides(self, weights: Sequence[int]) -> Sides:
        return self.join.sides([weights[i] for i in self.order])

    def signed(self, weights: Sequence[int], unit: int) -> tuple[int, ...]:
        """Multipliers of the branches' own integers whose sum is `unit` times that of the steps, plus `rest`."""
        return tuple(
            (w if s >= 0 else -w) * unit // k.step for w, s, k in zip(weights, self.scales, self.kinds, strict=True)
        )

    def rest(self, signed: Sequence[int]) -> int:
        """What the branches' own integers add up to where all steps are 0."""
        starts = (k.lo if s >= 0 else k.hi for s, k in zip(self.scales, self.kinds, strict=True))
        return sum(m * start for m, start in zip(signed, starts, strict=True))

    def ratio(self, weights: Sequence[int]) -> Fraction:
        """The weighed sum over S, nearly: that of their greatest values."""
        reached = sum(w * n for w, n in zip(weights, self.counts, strict=True))
        return Fraction(reached, self.top)

    def slope(self, weights: Sequence[int]) -> Fraction:
        """d(real) / d(weighed sum), nearly."""
        ratio = self.ratio(weights) if self.top else Fraction(0)
        return self.grid / ratio if ratio else self.grid


@dataclass(frozen=True)
class Plan:
    """All channels, the exact staircase over S, and S as a number (which no value of the graph holds)."""

    channels: list[Channel]
    form: Staircase
    number: Number


def channels_of(form: Sum, kinds: Sequence[IntType], quantiser: Quantiser, axis: int | None) -> Plan | None:
    """None where the steps behind the sum are not monotone."""
    scales = list(zip(*(n.scale for n in form.terms), strict=True))
    grids, offsets, tops = [], [], []
    for c, row in enumerate(scales):
        grid = common_grid([s * k.step for s, k in zip(row, kinds, strict=True)])
        starts = [s * (k.lo if s >= 0 else k.hi) for s, k in zip(row, kinds, strict=True)]
        grids.append(grid)
        offsets.append(sum((n.offset[c] for n in form.terms), Fraction(0)) + sum(starts))
        tops.append(sum(int(abs(s) * (k.hi - k.lo) / grid) for s, k in zip(row, kinds, strict=True)))
    number = Number(-1, tuple(grids), tuple(offsets), axis, form.steps)
    found = monotone_staircase(number, IntType(0, max(tops)), quantiser)
    if found is None:
        return None
    channels = []
    for c, row in enumerate(scales):
        edges = [int(e) + (0 if found.sign[c] > 0 else 1) for e in found.edges[c]]
        channels.append(Channel(tuple(kinds), row, grids[c], tuple(edges), int(found.sign[c])))
    return Plan(channels, found, number)
