"""How each primitive operation of the tensor graph becomes word nodes: one rule an operation, in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nc.compiler.words.lower import Lowering, Rule, broadcast
from nc.compiler.words.products import matmul, vector
from nc.compiler.words.stairs import multi_threshold, requantize, table
from nc.ir.graph import Node
from nc.ir.words import Term, WordBuilder
from nc.ir.words.builder import csd
from nc.ir.words.graph import IntArray


def _layout(state: Lowering, node: Node) -> IntArray:
    """Rewiring: the operation's own meaning applied to ids, 0 standing for the number that pads."""
    fill = int(getattr(node.op, "value", 0) or 0)
    op: Any = replace(node.op, value=0.0) if fill else node.op  # type: ignore[call-arg]
    moved = op.evaluate(*(state.nodes(v)[None] + 1 for v in node.operands))[0]
    if (moved == 0).any():
        return np.where(moved == 0, state.builder.const(fill), moved - 1)
    result: IntArray = moved - 1
    return result


def _each(make: Callable[..., int]) -> Rule:
    """Element by element with broadcasting: make(builder, *ids)."""

    def rule(state: Lowering, node: Node) -> IntArray:
        arrays = broadcast([state.nodes(v) for v in node.operands])
        flat = [a.ravel().tolist() for a in arrays]
        made = [make(state.builder, *ids) for ids in zip(*flat)]
        return np.array(made, np.int64).reshape(arrays[0].shape)

    return rule


def _clip(state: Lowering, node: Node) -> IntArray:
    kind = node.type.int
    ids = state.nodes(node.operands[0])
    made = [state.builder.clamp(n, kind.lo, kind.hi) for n in ids.ravel().tolist()]
    return np.array(made, np.int64).reshape(ids.shape)


def _minimum(b: WordBuilder, x: int, y: int) -> int:
    for word, other in ((x, y), (y, x)):
        limit = b.constant_value(other)
        if limit is not None:
            return b.clamp(word, min(limit, b.range(word)[0]), limit)
    return b.min(x, y)


def _maximum(b: WordBuilder, x: int, y: int) -> int:
    for word, other in ((x, y), (y, x)):
        limit = b.constant_value(other)
        if limit is not None:
            return b.clamp(word, limit, max(limit, b.range(word)[1]))
    return b.max(x, y)


PRODUCT_BITS = 4
"""Multiples of so few bits, with three signed digits or more, are tables: a LUT an output bit and no carries."""


def _multiply(state: Lowering, node: Node) -> IntArray:
    return _each(_product if state.options.small_tables else lambda b, x, y: b.mul(x, y))(state, node)


def _product(b: WordBuilder, x: int, y: int) -> int:
    for word, other in ((x, y), (y, x)):
        factor = b.constant_value(other)
        low, high = b.range(word)
        if factor is not None and low < high < low + (1 << PRODUCT_BITS) and len(csd(factor)) > 2:
            return b.table(word, np.arange(low, high + 1, dtype=np.int64) * factor, low)
    return b.mul(x, y)


def _relu(b: WordBuilder, x: int) -> int:
    return b.clamp(x, 0, max(b.range(x)[1], 0))


def _abs(b: WordBuilder, x: int) -> int:
    low, high = b.range(x)
    if low >= 0:
        return x
    return b.assume(b.max(x, b.sum((Term(x, 0, True),))), 0, max(-low, high))


def _select(b: WordBuilder, condition: int, then: int, otherwise: int) -> int:
    low, high = b.range(condition)
    if low < 0 or high > 1:
        zero = b.eq(condition)
        return b.mux(zero, otherwise, then)
    return b.mux(condition, then, otherwise)


def _reduce(join: Callable[[WordBuilder, list[int]], int]) -> Rule:
    def rule(state: Lowering, node: Node) -> IntArray:
        ids = state.nodes(node.operands[0])
        axes: tuple[int, ...] = node.op.axes  # type: ignore[attr-defined]
        kept = [a for a in range(ids.ndim) if a not in axes]
        rows = ids.transpose(*kept, *axes).reshape(int(np.prod([ids.shape[a] for a in kept], dtype=int)), -1)
        made = [join(state.builder, row) for row in rows.tolist()]
        return np.array(made, np.int64).reshape(node.type.shape)

    return rule


def _balanced(pick: Callable[[WordBuilder], Callable[[int, int], int]]) -> Callable[[WordBuilder, list[int]], int]:
    """A balanced tree of two-operand choices."""

    def join(b: WordBuilder, row: list[int]) -> int:
        choose = pick(b)
        while len(row) > 1:
            row = [choose(*row[i : i + 2]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
        return row[0]

    return join


def _argmax(state: Lowering, node: Node) -> IntArray:
    """A tournament in which the left side wins ties, or the right one for `last`."""
    ids = state.nodes(node.operands[0])
    op: Any = node.op
    rows = np.moveaxis(ids, op.axis, -1).reshape(-1, ids.shape[op.axis])
    made = [_tournament(state.builder, row, op.last) for row in rows.tolist()]
    return np.array(made, np.int64).reshape(node.type.shape)


def decide(state: Lowering, value: int) -> IntArray:
    """An arg-max of a product, by what the classes differ in."""
    found = state.decisions[value]
    sums = vector(state, state.nodes(found.source), found.weights, found.bias)
    winner = _tournament(state.builder, sums, False, found.classes.tolist())
    return np.array(winner, np.int64).reshape(state.graph.type(value).shape)


def _tournament(b: WordBuilder, row: list[int], last: bool, names: Sequence[int] | None = None) -> int:
    field = [(value, b.const(i)) for i, value in zip(names or range(len(row)), row)]
    while len(field) > 1:
        final = len(field) == 2
        field = [
            _duel(b, field[i], field[i + 1], last, final) if i + 1 < len(field) else field[i]
            for i in range(0, len(field), 2)
        ]
    return field[0][1]


def _duel(b: WordBuilder, left: tuple[int, int], right: tuple[int, int], last: bool, final: bool) -> tuple[int, int]:
    stays = b.ge(left[0], right[0], 1 if last else 0)
    value = left[0] if final else b.mux(stays, left[0], right[0])
    return value, b.mux(stays, left[1], right[1])


def _total(b: WordBuilder, row: list[int]) -> int:
    return b.sum(Term(n) for n in row)


_LAYOUTS = ("reshape", "transpose", "concat", "slice", "gather", "pad", "broadcast", "take")
LAYOUT: dict[str, Rule] = dict.fromkeys(_LAYOUTS, _layout)

RULES: dict[str, Rule] = {
    **LAYOUT,
    "matmul": matmul,
    "add": _each(lambda b, x, y: b.sum((Term(x), Term(y)))),
    "sub": _each(lambda b, x, y: b.sum((Term(x), Term(y, 0, True)))),
    "mul": _multiply,
    "neg": _each(lambda b, x: b.sum((Term(x, 0, True),))),
    "abs": _each(_abs),
    "minimum": _each(_minimum),
    "maximum": _each(_maximum),
    "relu": _each(_relu),
    "clip": _clip,
    "greater": _each(lambda b, x, y: b.ge(x, y, 1)),
    "greater_equal": _each(lambda b, x, y: b.ge(x, y)),
    "less": _each(lambda b, x, y: b.ge(y, x, 1)),
    "less_equal": _each(lambda b, x, y: b.ge(y, x)),
    "equal": _each(lambda b, x, y: b.eq(x, y)),
    "select": _each(_select),
    "requantize": requantize,
    "multi_threshold": multi_threshold,
    "table": table,
    "reduce_sum": _reduce(_total),
    "reduce_max": _reduce(_balanced(lambda b: b.max)),
    "reduce_min": _reduce(_balanced(lambda b: b.min)),
    "argmax": _argmax,
}
