"""Exact intervals of one operation from those of its operands (Python integers: nothing overflows silently)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nc.ir.words.graph import IntArray
from nc.ir.words.kinds import Kind

Interval = tuple[int, int]


def sum_range(terms: Sequence[tuple[Interval, int, bool]], constant: int) -> Interval:
    """Interval of constant + sum of +-(x << shift); `terms` are (interval, shift, negative)."""
    low = high = constant
    for (a, b), shift, negative in terms:
        if negative:
            low, high = low - (b << shift), high - (a << shift)
        else:
            low, high = low + (a << shift), high + (b << shift)
    return low, high


def _mul(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    (a, b), (c, d) = ops
    corners = (a * c, a * d, b * c, b * d)
    return min(corners), max(corners)


def _ge(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    (a, b), (c, d) = ops[0], ops[1] if len(ops) > 1 else (0, 0)
    return int(a >= d + p0), int(b >= c + p0)


def _eq(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    (a, b), (c, d) = ops[0], ops[1] if len(ops) > 1 else (0, 0)
    certain = a == b == c + p0 == d + p0
    return int(certain), int(a <= d + p0 and c + p0 <= b)


def _mux(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    (s, t), (a, b), (c, d) = ops
    if s == t:
        return (a, b) if s else (c, d)
    return min(a, c), max(b, d)


def _min(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    return min(a for a, _ in ops), min(b for _, b in ops)


def _max(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    return max(a for a, _ in ops), max(b for _, b in ops)


def _clamp(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    a, b = ops[0]
    return min(max(a, p0), p1), min(max(b, p0), p1)


def _shr(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    return ops[0][0] >> p0, ops[0][1] >> p0


def _bits(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    a, b = ops[0][0] >> p0, ops[0][1] >> p0
    if a >> p1 == b >> p1:
        return a & ((1 << p1) - 1), b & ((1 << p1) - 1)
    return 0, (1 << p1) - 1


def _reg(ops: Sequence[Interval], p0: int, p1: int) -> Interval:
    return ops[0]


RANGES: dict[Kind, Callable[[Sequence[Interval], int, int], Interval]] = {
    Kind.MUL: _mul,
    Kind.GE: _ge,
    Kind.EQ: _eq,
    Kind.MUX: _mux,
    Kind.MIN: _min,
    Kind.MAX: _max,
    Kind.CLAMP: _clamp,
    Kind.SHR: _shr,
    Kind.BITS: _bits,
    Kind.REG: _reg,
}


def table_range(table: IntArray, operand: Interval, base: int) -> Interval:
    """Least and greatest entry that the operand's interval reaches."""
    part = table[operand[0] - base : operand[1] - base + 1]
    return int(np.min(part)), int(np.max(part))
