"""The primitive tensor graph as a word graph for printing: every weighted sum stays one multi-operand sum.

Sums are not shared between neurons and constants stay canonical signed digits: the bit-level builder compresses all
summands of a neuron in one adder array, which beats shared two-operand adders in a technology that prices full adders.
Everything else is lowered by the shared rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nc.compiler.words.lower import Lowering, Style, broadcast, lower
from nc.compiler.words.products import pairwise
from nc.compiler.words.stairs import by_channel
from nc.ir.graph import Graph, Node
from nc.ir.words import Kind, Term, WordBuilder, WordGraph
from nc.ir.words.builder import csd
from nc.ir.words.graph import IntArray


def to_words(graph: Graph) -> WordGraph:
    """The word graph of a primitive graph; `layer` of a node is the model's node it comes from."""
    return lower(graph, style=PRINTED)


def _matmul(state: Lowering, node: Node) -> IntArray:
    return pairwise(state, node, _dot)


def _dot(words: WordBuilder, row: list[int], column: list[int]) -> int:
    terms: list[Term] = []
    constant = 0
    for p, q in zip(row, column):
        value = words.constant_value(q)
        if value is None:
            p, q, value = q, p, words.constant_value(p)
        if value is None:
            terms.append(Term(words.mul(p, q)))
        elif (other := words.constant_value(p)) is not None:
            constant += value * other
        else:
            terms += [Term(p, shift, negative) for shift, negative in csd(value)]
    return words.sum(terms, constant)


def _add(state: Lowering, node: Node) -> IntArray:
    """a + b; a constant joins the sum it is added to."""

    def one(a: int, b: int) -> int:
        for x, y in ((a, b), (b, a)):
            value = state.builder.constant_value(y)
            if value is not None:
                return _affine(state.builder, x, 1, value)
        return state.builder.add(a, b)

    a, b = broadcast([state.nodes(v) for v in node.operands])
    return np.array([one(*pair) for pair in zip(a.ravel().tolist(), b.ravel().tolist())], np.int64).reshape(a.shape)


def _affine(words: WordBuilder, v: int, m: int, o: int) -> int:
    """v * m + o, merged into v's own sum when v is one (a bias is absorbed by the adder array)."""
    low, high = sorted(m * end + o for end in words.range(v))
    if words.kind(v) == Kind.SUM and m > 0 and m & (m - 1) == 0:
        up = m.bit_length() - 1
        terms = [Term(t.node, t.shift + up, t.neg) for t in words.terms(v)]
        return words.sum(terms, o + (words.params(v)[0] << up), within=(low, high))
    return words.sum([Term(v, s, n) for s, n in csd(m)], o, within=(low, high))


def _requantize(state: Lowering, node: Node) -> IntArray:
    op: Any = node.op

    def one(x: int, channel: int) -> int:
        words = state.builder
        multiplier = int(op.multiplier[min(channel, len(op.multiplier) - 1)])
        offset = int(op.offset[min(channel, len(op.offset) - 1)])
        total = _affine(words, x, multiplier, offset)
        if op.rounding == "half_even" and op.shift:
            odd = words.bits(total, op.shift, 1)
            total = words.sum([Term(total), Term(odd)], (1 << op.shift - 1) - 1)
        return words.clamp(words.shr(total, op.shift), op.lo, op.hi)

    return by_channel(state, node, one)


def _table(state: Lowering, node: Node) -> IntArray:
    """A table, or the bit field that it is."""
    op: Any = node.op

    def one(x: int, channel: int) -> int:
        words, entries = state.builder, op.entries[min(channel, len(op.entries) - 1)]
        low, high = words.range(x)
        if low >= 0 and high < 1 << 16:
            codes = np.arange(low, high + 1)
            for bit in range(high.bit_length()):
                if np.array_equal(entries[low - op.lo : high - op.lo + 1], codes >> bit & 1):
                    return words.bits(x, bit, 1)
        return words.table(x, entries, op.lo)

    return by_channel(state, node, one)


def _multi_threshold(state: Lowering, node: Node) -> IntArray:
    """One comparison a threshold: comparisons with constants are cheaper than a search that selects them."""
    op: Any = node.op

    def one(x: int, channel: int) -> int:
        words = state.builder
        rising = bool(op.sign[min(channel, len(op.sign) - 1)] > 0)
        row = op.thresholds[min(channel, len(op.thresholds) - 1)].tolist()
        # A falling step counts v <= t, which is 1 less v >= t + 1.
        hits = [words.ge(x, None, t + (not rising)) for t in row]
        weight = csd(int(op.step) if rising else -int(op.step))
        start = int(op.base) + (0 if rising else int(op.step) * len(hits))
        return words.sum([Term(hit, shift, negative) for hit in hits for shift, negative in weight], start)

    return by_channel(state, node, one)


PRINTED = Style(
    {
        "matmul": _matmul,
        "add": _add,
        "requantize": _requantize,
        "table": _table,
        "multi_threshold": _multi_threshold,
    }
)


def registered(words: WordGraph) -> WordGraph:
    """The same graph with a register behind every output element."""
    count = len(words)
    ends = np.unique(np.concatenate([port.nodes for port in words.outputs]))
    ends = ends[words.kind[ends] != Kind.CONST]
    place = np.arange(count)
    place[ends] = count + np.arange(len(ends))

    def grown(array: np.ndarray, values: object) -> np.ndarray:
        return np.concatenate([array, np.broadcast_to(np.asarray(values, array.dtype), len(ends))])

    return replace(
        words,
        kind=grown(words.kind, int(Kind.REG)),
        lo=grown(words.lo, words.lo[ends]),
        hi=grown(words.hi, words.hi[ends]),
        p0=grown(words.p0, 0),
        p1=grown(words.p1, 0),
        layer=grown(words.layer, words.layer[ends]),
        start=np.concatenate([words.start, words.start[-1] + 1 + np.arange(len(ends))]),
        src=np.concatenate([words.src, ends.astype(words.src.dtype)]),
        shift=grown(words.shift, 0),
        neg=grown(words.neg, False),
        outputs=tuple(replace(port, nodes=place[port.nodes]) for port in words.outputs),
    )
