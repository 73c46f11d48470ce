"""The primitive tensor graph as a word graph for printing: every weighted sum stays one multi-operand sum.

Sums are not shared between neurons and constants stay canonical signed digits: the bit-level builder compresses all
summands of a neuron in one adder array, which beats shared two-operand adders in a technology that prices full adders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nc.ir.graph import Graph, Node
from nc.ir.words import Kind, Term, WordBuilder, WordGraph
from nc.ir.words.builder import csd

Ids = np.ndarray[Any, np.dtype[np.int64]]
Rule = Callable[[WordBuilder, Node, list[Ids]], Ids]


def to_words(graph: Graph) -> WordGraph:
    """The word graph of a primitive graph; `layer` of a node is the model's node it comes from."""
    words = WordBuilder()
    values: dict[int, Ids] = {}
    for value, node in enumerate(graph.nodes):
        words.layer(node.origin or node.op.name)
        if node.op.name == "input":
            kind = node.type.int
            ids = words.input(node.op.label, node.type.shape, kind.lo, kind.hi)  # type: ignore[attr-defined]
        elif node.constant is not None:
            ids = np.vectorize(words.const, otypes=[np.int64])(node.constant) if node.type.size else node.constant
        else:
            ids = RULES[node.op.name](words, node, [values[v] for v in node.operands])
        values[value] = np.asarray(ids, np.int64).reshape(node.type.shape)
    ports = [
        words.port(name, values[v], bits=graph.type(v).int.bits, signed=graph.type(v).int.signed)
        for name, v in graph.outputs.items()
    ]
    return words.build(ports)


def _each(function: Callable[..., int]) -> Rule:
    """A rule that applies a scalar function to broadcast operands."""

    def rule(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
        arrays = np.broadcast_arrays(*operands) if len(operands) > 1 else operands
        flat = [function(words, *map(int, items)) for items in zip(*(a.ravel() for a in arrays))]
        return np.array(flat, np.int64).reshape(arrays[0].shape)

    return rule


def _matmul(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
    a, b = operands
    left = a[None, :] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    out = np.empty((left.shape[0], right.shape[1]), np.int64)
    for i in range(left.shape[0]):
        for j in range(right.shape[1]):
            out[i, j] = _dot(words, left[i], right[:, j])
    return out.reshape(node.type.shape)


def _dot(words: WordBuilder, left: Ids, right: Ids) -> int:
    terms: list[Term] = []
    constant = 0
    for p, q in zip(left.tolist(), right.tolist()):
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


def _requantize(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
    op: Any = node.op
    x = operands[0]
    shape = tuple(-1 if a == op.axis else 1 for a in range(x.ndim))
    multiplier = np.broadcast_to(op.multiplier.reshape(shape) if x.ndim else op.multiplier[0], x.shape).ravel()
    offset = np.broadcast_to(op.offset.reshape(shape) if x.ndim else op.offset[0], x.shape).ravel()
    out = []
    for v, m, o in zip(x.ravel().tolist(), multiplier.tolist(), offset.tolist()):
        total = _affine(words, v, m, o)
        if op.rounding == "half_even" and op.shift:
            odd = words.bits(total, op.shift, 1)
            total = words.sum([Term(total), Term(odd)], (1 << op.shift - 1) - 1)
        out.append(words.clamp(words.shr(total, op.shift), op.lo, op.hi))
    return np.array(out, np.int64).reshape(x.shape)


def _affine(words: WordBuilder, v: int, m: int, o: int) -> int:
    """v * m + o, merged into v's own sum when v is one (a bias is absorbed by the adder array)."""
    terms = []
    constant = o
    if words.kind(v) == Kind.SUM and m > 0 and m & (m - 1) == 0:
        up = m.bit_length() - 1
        terms = [Term(t.node, t.shift + up, t.neg) for t in words.terms(v)]
        constant += words.params(v)[0] << up
        low, high = words.range(v)
        return words.sum(terms, constant, within=(low * m + o, high * m + o))
    return words.sum([Term(v, s, n) for s, n in csd(m)], constant)


def _add(words: WordBuilder, a: int, b: int) -> int:
    """a + b; a constant joins the sum it is added to."""
    for x, y in ((a, b), (b, a)):
        value = words.constant_value(y)
        if value is not None:
            return _affine(words, x, 1, value)
    return words.add(a, b)


def _argmax(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
    op: Any = node.op
    x = np.moveaxis(operands[0], op.axis, -1)
    out = [_tournament(words, row.tolist(), op.last) for row in x.reshape(-1, x.shape[-1])]
    return np.array(out, np.int64).reshape(node.type.shape)


def _tournament(words: WordBuilder, values: list[int], last: bool) -> int:
    """Index of the greatest value by pairwise comparison; the right one wins ties only when `last`."""
    players = [(v, words.const(i)) for i, v in enumerate(values)]
    while len(players) > 1:
        winners = []
        for (a, i), (b, j) in zip(players[::2], players[1::2]):
            right = words.ge(b, a, 0 if last else 1)
            winners.append((words.mux(right, b, a), words.mux(right, j, i)))
        players = winners + ([players[-1]] if len(players) % 2 else [])
    return players[0][1]


def _table(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
    op: Any = node.op
    x = operands[0]
    rows = np.broadcast_to(
        np.arange(op.entries.shape[0]).reshape([-1 if a == op.axis else 1 for a in range(x.ndim)] or []), x.shape
    )
    out = [_lookup(words, int(v), op.entries[r], op.lo) for v, r in zip(x.ravel(), rows.ravel())]
    return np.array(out, np.int64).reshape(x.shape)


def _lookup(words: WordBuilder, v: int, entries: np.ndarray, base: int) -> int:
    """A table, or the bit field that it is."""
    low, high = words.range(v)
    part = entries[low - base : high - base + 1]
    codes = np.arange(low, high + 1)
    if low >= 0 and high < 1 << 16:
        for b in range(int(high).bit_length()):
            if np.array_equal(part, codes >> b & 1):
                return words.bits(v, b, 1)
    return words.table(v, entries, base)


def _multi_threshold(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
    op: Any = node.op
    x = operands[0]
    axis = getattr(op, "axis", 0)
    levels, signs = np.asarray(op.thresholds), np.broadcast_to(op.sign, len(op.thresholds))
    out = []
    rows = np.broadcast_to(np.arange(levels.shape[0]).reshape([-1 if a == axis else 1 for a in range(x.ndim)]), x.shape)
    for v, r in zip(x.ravel().tolist(), rows.ravel().tolist()):
        rising = bool(signs[r] > 0)
        # A falling step counts v <= t, which is 1 less v >= t + 1.
        hits = [words.ge(v, None, int(t) + (not rising)) for t in levels[r]]
        weight = csd(int(op.step) if rising else -int(op.step))
        start = int(op.base) + (0 if rising else int(op.step) * len(hits))
        out.append(words.sum([Term(hit, shift, negative) for hit in hits for shift, negative in weight], start))
    return np.array(out, np.int64).reshape(x.shape)


def _reduce(function: Callable[[WordBuilder, list[int]], int]) -> Rule:
    def rule(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
        op: Any = node.op
        axes = tuple(op.axes)
        x = np.moveaxis(operands[0], axes, range(-len(axes), 0))
        rows = x.reshape(-1, int(np.prod([operands[0].shape[a] for a in axes])))
        return np.array([function(words, row.tolist()) for row in rows], np.int64).reshape(node.type.shape)

    return rule


def _layout(words: WordBuilder, node: Node, operands: list[Ids]) -> Ids:
    """Rewiring: the operation's own meaning, applied to node numbers (0 of `take` and `pad` becomes a constant)."""
    zero = words.const(0)
    # ids are shifted by one so that the 0 that the operation inserts can be told from node 0
    moved = node.op.evaluate(*((o + 1)[None] for o in operands))[0]
    return np.where(moved == 0, zero, moved - 1)


_LAYOUT = ("reshape", "transpose", "concat", "slice", "gather", "pad", "broadcast", "take")

RULES: dict[str, Rule] = {
    "matmul": _matmul,
    "add": _each(_add),
    "sub": _each(lambda w, a, b: w.sub(a, b)),
    "mul": _each(lambda w, a, b: w.mul(a, b)),
    "neg": _each(lambda w, a: w.sum([Term(a, 0, True)])),
    "abs": _each(lambda w, a: w.max(a, w.sum([Term(a, 0, True)]))),
    "minimum": _each(lambda w, a, b: w.min(a, b) if w.constant_value(b) is None else _at_most(w, a, b)),
    "maximum": _each(lambda w, a, b: w.max(a, b)),
    "relu": _each(lambda w, a: w.clamp(a, 0, max(0, w.range(a)[1]))),
    "clip": lambda w, node, operands: _each(lambda w, a: w.clamp(a, int(node.op.lo), int(node.op.hi)))(  # type: ignore[attr-defined]
        w, node, operands
    ),
    "greater": _each(lambda w, a, b: w.ge(a, b, 1)),
    "greater_equal": _each(lambda w, a, b: w.ge(a, b)),
    "less": _each(lambda w, a, b: w.ge(b, a, 1)),
    "less_equal": _each(lambda w, a, b: w.ge(b, a)),
    "equal": _each(lambda w, a, b: w.eq(a, b)),
    "select": _each(lambda w, s, a, b: w.mux(s, a, b)),
    "requantize": _requantize,
    "multi_threshold": _multi_threshold,
    "table": _table,
    "argmax": _argmax,
    "reduce_sum": _reduce(lambda w, row: w.sum([Term(v) for v in row])),
    "reduce_max": _reduce(lambda w, row: w.max(*row)),
    "reduce_min": _reduce(lambda w, row: w.min(*row)),
    **dict.fromkeys(_LAYOUT, _layout),
}


def _at_most(words: WordBuilder, a: int, limit: int) -> int:
    """min(a, constant); a clamp of a clamp is one clamp."""
    value = words.constant_value(limit)
    assert value is not None
    low, _ = words.range(a)
    if words.kind(a) == Kind.CLAMP and words.params(a)[0] <= value:
        return words.clamp(words.terms(a)[0].node, words.params(a)[0], value)
    return words.clamp(a, min(low, value), value)


def unsupported(graph: Graph) -> list[Node]:
    """The nodes that have no rule."""
    return [n for n in graph.nodes if n.op.name not in RULES and n.op.name != "input" and n.constant is None]


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
