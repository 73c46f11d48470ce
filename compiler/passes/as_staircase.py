"""Monotone activations of exact integers as staircases: the thresholds of a requantisation, a clamp or a table.

The inverse of what `integerize` does when it prefers a multiplication to comparisons: for hardware that has nothing but
comparisons. Every threshold is found by bisection on the operation itself, so its rounding and its clamps need no
second description here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import gcd
from typing import Any

import numpy as np

from nc.ir.ops.base import Array, Op
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.types import IntType


def level_count(op: Op, kind: IntType) -> int:
    """Steps of the staircase that `op` is on integers of `kind`, over all channels together."""
    return len(_levels(op, kind))


def as_staircase(op: Op, kind: IntType) -> MultiThreshold | None:
    """The staircase equal to `op` (one of `ACTIVATIONS`) on all integers of `kind`; None where a channel of `op`
    neither rises nor falls all the way.

    Memory and time grow with channels times steps: see `level_count`.

    >>> from nc.ir.ops.requantize import Requantize
    >>> half = Requantize(np.array([1]), np.array([0]), 1, 0, 3)
    >>> as_staircase(half, IntType(-4, 9)).thresholds.tolist()
    [[2, 4, 6]]
    """
    if _turns(op, kind):
        return None
    ends = _at_ends(op, kind)
    sign = np.where(ends[1] >= ends[0], 1, -1)
    levels = _levels(op, kind)
    axis: int = getattr(op, "axis", 0)
    return MultiThreshold(_edges(op, kind, sign, levels), sign, axis, int(ends.min()), levels.step)


def _turns(op: Op, kind: IntType) -> bool:
    """Whether a table goes up and down in one channel; the other activations never do."""
    if op.name != "table":
        return False
    rises = np.diff(_reached(op, kind), axis=1)
    return bool(np.any((rises > 0).any(axis=1) & (rises < 0).any(axis=1)))


def _reached(op: Any, kind: IntType) -> Array:
    """Entries of a table by channel, those that numbers of `kind` select."""
    entries: Array = op.entries[:, kind.lo - op.lo : kind.hi - op.lo + 1 : kind.step]
    return entries


def _at_ends(op: Op, kind: IntType) -> Array:
    """(2, C): the results at the least and the greatest number, by channel."""
    return _evaluated(op, np.array([[kind.lo], [kind.hi]]).repeat(ACTIVATIONS[op.name](op), axis=1))


def _evaluated(op: Any, x: Array) -> Array:
    """`op` on x (N, C), whatever axis its channels have in the graph."""
    along: Op = replace(op, axis=0) if hasattr(op, "axis") else op
    return along.evaluate(x)


def _levels(op: Op, kind: IntType) -> range:
    """All results but the least, in steps that leave none out."""
    ends = _at_ends(op, kind)
    low, high = int(ends.min()), int(ends.max())
    step = gcd(*(_reached(op, kind) - low).reshape(-1).tolist()) if op.name == "table" else 1
    return range(low + (step or 1), high + 1, step or 1)


def _edges(op: Op, kind: IntType, sign: Array, levels: range) -> Array:
    """(C, K) thresholds, ascending: the first number in the direction of `sign` whose result reaches each level; one
    beyond the range where none does."""
    count = (kind.hi - kind.lo) // kind.step + 1
    start, stride = np.where(sign > 0, kind.lo, kind.hi), sign * kind.step
    wanted = np.array(levels, np.int64)[:, None]
    low = np.zeros((len(levels), len(sign)), np.int64)
    high = np.full_like(low, count)
    while np.any(low < high):
        middle = (low + high) // 2
        reached = _evaluated(op, start + stride * np.minimum(middle, count - 1)) >= wanted
        open_ = low < high
        low, high = np.where(open_ & ~reached, middle + 1, low), np.where(open_ & reached, middle, high)
    edges = np.where(low < count, start + stride * low, np.where(sign > 0, kind.hi + 1, kind.lo - 1)).T
    return np.where(sign[:, None] > 0, edges, edges[:, ::-1])


ACTIVATIONS: Mapping[str, Callable[[Any], int]] = {
    "requantize": lambda op: max(len(op.multiplier), len(op.offset)),
    "clip": lambda op: 1,
    "relu": lambda op: 1,
    "table": lambda op: len(op.entries),
}
"""The operations that may be staircases, with the number of their channels."""
