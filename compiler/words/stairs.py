"""Staircases: requantisation, thresholds and tables, each in the cheapest exact form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nc.compiler.words.lower import Lowering
from nc.compiler.words.matvec import DEFAULTS, MatvecOptions
from nc.compiler.words.products import strip
from nc.ir.graph import Node
from nc.ir.words import Kind, Term, WordBuilder
from nc.ir.words.builder import csd
from nc.ir.words.graph import IntArray

TABLE_BITS = 6
"""Functions of so few bits become tables: one LUT6 an output bit."""


def requantize(state: Lowering, node: Node) -> IntArray:
    """clamp((x * multiplier + offset) >> shift), with ties to even on request."""
    op: Any = node.op

    def one(x: int, channel: int) -> int:
        b = state.builder
        multiplier = int(op.multiplier[min(channel, len(op.multiplier) - 1)])
        offset = int(op.offset[min(channel, len(op.offset) - 1)])
        shift = op.shift
        while shift and multiplier % 2 == 0 and offset % 2 == 0 and op.rounding == "floor":
            multiplier, offset, shift = multiplier // 2, offset // 2, shift - 1
        scaled = b.sum([Term(x, s, neg) for s, neg in csd(multiplier)], offset, within=_line(b, x, multiplier, offset))
        if op.rounding == "half_even" and shift:
            odd = b.bits(scaled, shift, 1)
            scaled = b.sum((Term(scaled), Term(odd)), (1 << shift - 1) - 1)
        return b.clamp(b.shr(scaled, shift), op.lo, op.hi)

    return by_channel(state, node, one)


def _line(b: WordBuilder, x: int, multiplier: int, offset: int) -> tuple[int, int]:
    ends = sorted(multiplier * end + offset for end in b.range(x))
    return ends[0], ends[1]


def multi_threshold(state: Lowering, node: Node) -> IntArray:
    """base + step * (how many thresholds are reached)."""
    op: Any = node.op

    def one(x: int, channel: int) -> int:
        b = state.builder
        row = op.thresholds[min(channel, len(op.thresholds) - 1)]
        rising = op.sign[min(channel, len(op.sign) - 1)] > 0
        # x <= t is not (x >= t + 1).
        edges = [int(t) + (0 if rising else 1) for t in row]
        count = count_reached(b, x, edges, state.options)
        base, step = (op.base, op.step) if rising else (op.base + op.step * len(edges), -op.step)
        return _affine(b, count, step, base)

    return by_channel(state, node, one)


def _affine(b: WordBuilder, node: int, step: int, base: int) -> int:
    return b.sum([Term(node, s, neg) for s, neg in csd(step)], base)


def count_reached(b: WordBuilder, x: int, edges: list[int], options: MatvecOptions = DEFAULTS) -> int:
    """#{t in edges: x >= t}, edges ascending."""
    low, high = b.range(x)
    always = sum(t <= low for t in edges)
    live = [t for t in edges if low < t <= high]
    if len(live) <= 1:
        reach = compare if options.fold_thresholds else _plain
        return b.sum([Term(reach(b, x, t)) for t in live], always)
    if options.small_tables and _bits(low, high) <= TABLE_BITS:
        values = np.searchsorted(np.array(edges, np.int64), np.arange(low, high + 1), side="right")
        return b.table(x, values.astype(np.int64), low)
    pitch = live[1] - live[0]
    if pitch & (pitch - 1) == 0 and all(b2 - a2 == pitch for a2, b2 in zip(live, live[1:])):
        # Evenly spaced by a power of two: a shift and a clamp.
        steps = b.shr(b.sum((Term(x),), pitch - live[0]), pitch.bit_length() - 1)
        return b.sum((Term(b.clamp(steps, 0, len(live))),), always)
    return b.sum((Term(_search(b, x, live)),), always)


def _plain(b: WordBuilder, x: int, threshold: int) -> int:
    return b.ge(x, offset=threshold)


def compare(b: WordBuilder, x: int, threshold: int) -> int:
    """x >= threshold, where an offset and a scale of x move into the threshold."""
    inner, shift, neg, offset = strip(b, x)
    if inner is not None and inner != x:
        # offset + (y << s) >= t  <=>  y >= ceil((t - offset) / 2**s); negated: y <= floor((offset - t) / 2**s).
        if neg:
            bound = (offset - threshold) >> shift
            return b.sum((Term(b.ge(inner, offset=bound + 1), 0, True),), 1)
        return b.ge(inner, offset=-((offset - threshold) >> shift))
    terms = b.terms(x)
    if len(terms) > 1 and b.params(x)[0] and b.kind(x) == Kind.SUM:
        plain = b.sum(terms)
        return b.ge(plain, offset=threshold - b.params(x)[0])
    return b.ge(x, offset=threshold)


def _search(b: WordBuilder, x: int, edges: list[int]) -> int:
    """The count by bisection: one comparison a bit, with thresholds selected by the bits found so far."""
    width = len(edges).bit_length()
    high = b.range(x)[1]
    padded = edges + [high + 1] * ((1 << width) - 1 - len(edges))
    found: list[int] = []
    for level in range(width):
        step = 1 << (width - 1 - level)
        choices = [padded[k * 2 * step + step - 1] for k in range(1 << level)]
        found.append(b.ge(x, _choose(b, found, choices)))
    return b.sum([Term(bit, width - 1 - k) for k, bit in enumerate(found)])


def _choose(b: WordBuilder, select: list[int], values: list[int]) -> int:
    """values[select as a number, first bit highest]: a table of few bits."""
    if len(values) == 1:
        return b.const(values[0])
    index = b.sum([Term(bit, len(select) - 1 - k) for k, bit in enumerate(select)])
    return b.table(index, np.array(values, np.int64), 0)


def _bits(low: int, high: int) -> int:
    return max(1, (high - low).bit_length())


def table(state: Lowering, node: Node) -> IntArray:
    """entries[channel, x - lo]."""
    op: Any = node.op

    def one(x: int, channel: int) -> int:
        return state.builder.table(x, op.entries[min(channel, len(op.entries) - 1)], op.lo)

    return by_channel(state, node, one)


def by_channel(state: Lowering, node: Node, one: Callable[[int, int], int]) -> IntArray:
    """Apply `one(id, index along the operation's axis)` to every element."""
    ids = state.nodes(node.operands[0])
    axis: int = node.op.axis  # type: ignore[attr-defined]
    channel = np.zeros(ids.shape, np.int64)
    if ids.ndim:
        extent = [1] * ids.ndim
        extent[axis] = -1
        channel = np.broadcast_to(np.arange(ids.shape[axis]).reshape(extent), ids.shape)
    made = [one(x, c) for x, c in zip(ids.ravel().tolist(), channel.ravel().tolist())]
    return np.array(made, np.int64).reshape(ids.shape)
