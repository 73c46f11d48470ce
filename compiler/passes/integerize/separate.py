"""The least whole multipliers that decide as given ones do: for sums of integers that are only compared.

A sum S = sum_i M_i j_i over 0 <= j_i <= n_i is compared with thresholds T_k. Multipliers m decide alike exactly when
for every k the least sum m.j over the points with S >= T_k is above the greatest over the others. Both are found over
all points: for each choice of the other terms the last one's outermost integer on either side is known.

For two terms the ratios m_0 / m_1 that decide alike are an open interval (two finite sets of points are separated by
an open cone of directions). It is cut down by pairs of points that the simplest ratio of what is left gets wrong,
until that ratio is right: then it is the simplest of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

from nc.ir.ops.base import INT64_MAX, Array
from nc.ir.simplest import simplest

MOST_POINTS = 1 << 22  # thresholds times choices of all terms but the last: what one check looks at
MOST_ROUNDS = 400  # cuts of the interval of ratios; a dozen is usual
MOST_SCALES = 1 << 12  # multipliers tried for three terms and more
_NONE = 1 << 62  # no point on this side


@dataclass(frozen=True)
class Sides:
    """For each threshold the least sum of the points that reach it and the greatest of those that do not, (K,)."""

    least: Array
    most: Array

    @property
    def apart(self) -> bool:
        return bool(np.all(self.least > self.most))


@dataclass(frozen=True)
class Join:
    """S = sum_i scales[i] * j_i with 0 <= j_i <= counts[i], whole and positive; `edges` are the thresholds of S,
    each above 0 and at most the largest S. Terms are in rising order of their counts."""

    scales: tuple[int, ...]
    counts: tuple[int, ...]
    edges: tuple[int, ...]

    @property
    def points(self) -> int:
        """How many points one check looks at: on both sides of each threshold, for each choice of all terms but the
        last."""
        return len(self.edges) * prod(count + 1 for count in self.counts[:-1])

    @cached_property
    def _choices(self) -> list[Array]:
        """The values of each term but the last at each of their choices."""
        axes = [np.arange(count + 1, dtype=np.int64) for count in self.counts[:-1]]
        return [grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")] if axes else []

    @cached_property
    def _first(self) -> Array:
        """(K, choices): the least last term that reaches the threshold, 0 to its count + 1."""
        largest = sum(scale * count for scale, count in zip(self.scales, self.counts, strict=True))
        kind: Any = np.int64 if largest <= INT64_MAX // 2 else object
        partial = self._sum(self.scales, kind)
        edges = np.array(self.edges, kind)[:, None]
        found = -((partial[None] - edges) // self.scales[-1])
        return np.asarray(np.clip(found, 0, self.counts[-1] + 1), np.int64)

    def _sum(self, multipliers: Sequence[int], kind: Any = np.int64) -> Array:
        """The partial sums of all choices, without the last term."""
        total: Array = np.zeros(len(self._choices[0]) if self._choices else 1, kind)
        for multiplier, values in zip(multipliers, self._choices, strict=False):
            total = total + values.astype(kind) * multiplier
        return total

    def sides(self, multipliers: Sequence[int]) -> Sides:
        """Where the sums with these multipliers lie."""
        above, below = self._reached(multipliers)
        return Sides(above.min(axis=1), below.max(axis=1))

    def _reached(self, multipliers: Sequence[int]) -> tuple[Array, Array]:
        partial, last = self._sum(multipliers)[None], multipliers[-1]
        above = np.where(self._first <= self.counts[-1], partial + last * self._first, _NONE)
        below = np.where(self._first >= 1, partial + last * (self._first - 1), -_NONE)
        return above, below

    def wrong(self, multipliers: Sequence[int]) -> list[tuple[int, ...]]:
        """For each threshold at which these multipliers decide otherwise a difference of two points, one that
        reaches it and one that does not, whose sums they put the wrong way round."""
        above, below = self._reached(multipliers)
        up, down = above.argmin(axis=1), below.argmax(axis=1)
        found = set()
        for k in np.flatnonzero(above.min(axis=1) <= below.max(axis=1)).tolist():
            ends = [int(values[up[k]] - values[down[k]]) for values in self._choices]
            found.add((*ends, int(self._first[k, up[k]] - self._first[k, down[k]] + 1)))
        return list(found)

    def least(self) -> tuple[int, ...] | None:
        """The least multipliers that decide alike at every point (of two terms: no other pair has a smaller one of
        either), or None where there are too many points to look at."""
        if self.points > MOST_POINTS:
            return None
        if len(self.scales) == 1 or not self.edges:
            return (1,) * len(self.scales)
        return self._pair() if len(self.scales) == 2 else self._several()

    def _pair(self) -> tuple[int, ...] | None:
        lo, hi = Fraction(0), None
        for _ in range(MOST_ROUNDS):
            ratio = simplest(lo, hi)
            multipliers = ratio.numerator, ratio.denominator
            cuts = self.wrong(multipliers)
            if not cuts:
                return multipliers
            for first, last in cuts:
                edge = Fraction(-last, first)
                if first > 0:
                    lo = max(lo, edge)
                else:
                    hi = edge if hi is None else min(hi, edge)
        return None

    def _several(self) -> tuple[int, ...] | None:
        """Rounded multiples of the exact direction, smallest first. Pairs of points that were got wrong once are
        asked first."""
        largest, cuts = max(self.scales), np.zeros((0, len(self.scales)), np.int64)
        seen: set[tuple[int, ...]] = set()
        for size in range(1, min(MOST_SCALES, largest) + 1):
            for rounded in product(*({s * size // largest, -(-s * size // largest)} for s in self.scales)):
                if min(rounded) < 1 or rounded in seen:
                    continue
                seen.add(rounded)
                if np.any(cuts @ np.array(rounded) <= 0):
                    continue
                found = self.wrong(rounded)
                if not found:
                    return rounded
                cuts = np.concatenate([cuts, np.array(found, np.int64)])
        return None
