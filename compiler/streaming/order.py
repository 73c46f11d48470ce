"""In which order a tensor's elements travel: pixels first, channels within; and how one order becomes another."""

from __future__ import annotations

import numpy as np

from nc.ir.dataflow.streams import IntArray


def row_major(size: int) -> IntArray:
    return np.arange(size)


def pixels(shape: tuple[int, ...]) -> IntArray:
    """A tensor (C, *spatial) pixel by pixel, the channels of a pixel together: flat indices in order of travel."""
    return np.moveaxis(np.arange(int(np.prod(shape))).reshape(shape), 0, -1).ravel()


def transposed(order: IntArray, shape: tuple[int, ...], perm: tuple[int, ...]) -> IntArray:
    """The order of the same stream, once its tensor is seen transposed."""
    source = np.arange(order.size).reshape(shape).transpose(perm).ravel()
    place = np.empty(order.size, np.int64)
    place[source] = np.arange(order.size)
    return place[order]


def loops(sequence: IntArray) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """A sequence that starts at 0 as nested loops, (counts, strides) outermost first; None when it is no such nest.

    >>> loops(np.array([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]))
    ((4, 3), (1, 4))
    """
    counts: list[int] = []
    strides: list[int] = []
    rest = np.asarray(sequence)
    if not rest.size or rest[0] != 0:
        return None
    while rest.size > 1:
        stride = int(rest[1] - rest[0])
        steps = np.flatnonzero(np.diff(rest) != stride)
        count = int(steps[0]) + 1 if steps.size else rest.size
        if rest.size % count or count == 1:
            return None
        rows = rest.reshape(-1, count)
        if (rows - rows[:, :1] != np.arange(count) * stride).any():
            return None
        counts.insert(0, count)
        strides.insert(0, stride)
        rest = rows[:, 0]
    return tuple(counts) or (1,), tuple(strides) or (0,)


def period(rows: IntArray) -> int:
    """The least p, a divisor of the length, for which row i equals row i mod p."""
    count = len(rows)
    for p in range(1, count + 1):
        if count % p == 0 and (rows.reshape(count // p, p, *rows.shape[1:]) == rows[:p]).all():
            return p
    return count


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]
