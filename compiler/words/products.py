"""Matrix products: constant weights through the adder-graph optimiser, single bits through popcounts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nc.compiler.words.lower import Lowering
from nc.compiler.words.matvec import AdderProgram, matvec
from nc.compiler.words.packing import packed, pays
from nc.ir.graph import Node
from nc.ir.words import Kind, Term, WordBuilder
from nc.ir.words.graph import IntArray

POPCOUNT_FAN_IN = 24
"""Fewest single-bit terms of a column for which popcounts are taken instead of shared adders."""


def matmul(state: Lowering, node: Node) -> IntArray:
    """a @ b; whichever side is constant becomes shift-adds, two variable sides become multipliers."""
    a, b = node.operands
    for x, w, transposed in ((a, b, False), (b, a, True)):
        weights = state.constant(w)
        if weights is not None and state.constant(x) is None:
            return _constant(state, state.nodes(x), np.asarray(weights, np.int64), transposed).reshape(node.type.shape)
    return pairwise(state, node, _dot)


def _constant(state: Lowering, x: IntArray, w: IntArray, transposed: bool) -> IntArray:
    """x @ w, or (w @ x) computed as its transpose; leading axes broadcast."""
    if transposed:
        x = x[:, None] if x.ndim == 1 else x
        w = w[None, :] if w.ndim == 1 else w
        x, w = np.swapaxes(x, -1, -2), np.swapaxes(w, -1, -2)
    else:
        x = x[None, :] if x.ndim == 1 else x
        w = w[:, None] if w.ndim == 1 else w
    lead = np.broadcast_shapes(x.shape[:-2], w.shape[:-2])
    x = np.broadcast_to(x, (*lead, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
    w = np.broadcast_to(w, (*lead, *w.shape[-2:])).reshape(-1, *w.shape[-2:])
    made = np.array([[vector(state, row, weights) for row in rows] for rows, weights in zip(x, w)], np.int64)
    made = made.reshape(*lead, x.shape[-2], w.shape[-1])
    return np.swapaxes(made, -1, -2) if transposed else made


def vector(state: Lowering, x: IntArray, weights: IntArray, bias: IntArray | None = None) -> list[int]:
    """One row times a constant matrix, plus `bias`. An operand that is itself +-(node << s) + c is looked through."""
    builder = state.builder
    nodes, scaled = [], []
    bias = np.zeros(weights.shape[1], np.int64) if bias is None else bias
    for node, row in zip(x.tolist(), weights):
        inner, shift, neg, offset = strip(builder, node)
        if offset:
            bias = bias + offset * row
        if inner is not None:
            nodes.append(inner)
            scaled.append((-row if neg else row) << shift)
    matrix = np.array(scaled, np.int64).reshape(len(nodes), weights.shape[1])
    nodes, matrix = _distinct(nodes, matrix)
    if _is_binary(builder, nodes, matrix):
        if state.options.count_tables:
            return counted(builder, nodes, matrix, bias.tolist())
        return [_popcount(builder, nodes, column, int(c)) for column, c in zip(matrix.T, bias)]
    found = program(state, nodes, matrix)
    price = state.options.pack_bits
    if price and nodes and all(builder.range(n) == (0, 1) for n in nodes) and pays(matrix, found, price):
        return packed(builder, nodes, matrix, bias.tolist())
    return found.apply(builder, nodes, bias.tolist(), affine=state.options.affine_ranges)


def strip(builder: WordBuilder, node: int) -> tuple[int | None, int, bool, int]:
    """(inner, shift, neg, offset) with node = offset +- (inner << shift); inner is None for a constant."""
    kind = builder.kind(node)
    if kind == Kind.CONST:
        return None, 0, False, builder.params(node)[0]
    if kind == Kind.SUM and len(builder.terms(node)) == 1:
        term = builder.terms(node)[0]
        return term.node, term.shift, term.neg, builder.params(node)[0]
    return node, 0, False, 0


def _distinct(nodes: list[int], matrix: IntArray) -> tuple[list[int], IntArray]:
    """Add the rows of nodes that occur more than once; drop rows without weights."""
    unique, where = np.unique(np.array(nodes, np.int64), return_inverse=True)
    joined = np.zeros((len(unique), matrix.shape[1]), np.int64)
    np.add.at(joined, where, matrix)
    kept = np.flatnonzero(joined.any(axis=1))
    return unique[kept].tolist(), joined[kept]


def _is_binary(builder: WordBuilder, nodes: list[int], matrix: IntArray) -> bool:
    magnitude = np.abs(matrix[matrix != 0])
    single = magnitude.size > 0 and bool((magnitude == magnitude[0]).all()) and int(magnitude[0]).bit_count() == 1
    if not single or int((matrix != 0).sum(axis=0).max()) < POPCOUNT_FAN_IN:
        return False
    return all(builder.range(n) == (0, 1) for n in nodes)


def _popcount(builder: WordBuilder, nodes: list[int], column: IntArray, constant: int) -> int:
    shift = int(np.abs(column).max()).bit_length() - 1
    terms = [Term(n, max(shift, 0), bool(w < 0)) for n, w in zip(nodes, column.tolist()) if w]
    return builder.sum(terms, constant)


GROUP = 5
"""Bits a table counts: with five, three counts of 0..5 add up to four bits exactly."""


def counted(builder: WordBuilder, nodes: list[int], matrix: IntArray, bias: list[int]) -> list[int]:
    """Sums of +-bits by shared tables: a group's count under a pattern of signs, or its complement, is made once.

    Under the pattern s of signs, a group adds sum of +-b = (ones of b xor negative) - (number of negatives).
    """
    shift = int(np.abs(matrix).max()).bit_length() - 1
    terms: list[list[Term]] = [[] for _ in bias]
    offsets = [0] * len(bias)
    for first in range(0, len(nodes), GROUP):
        rows = np.sign(matrix[first : first + GROUP])
        members = nodes[first : first + GROUP]
        for pattern in np.unique(rows, axis=1).T:
            used = np.flatnonzero(pattern)
            if not len(used):
                continue
            # The pattern or its complement, whichever has its first sign positive; the other one is subtracted.
            sign = int(pattern[used[0]])
            count, negatives = _count(builder, [members[i] for i in used], pattern[used] * sign)
            for j in np.flatnonzero((rows == pattern[:, None]).all(axis=0)).tolist():
                terms[j].append(Term(count, shift, sign < 0))
                offsets[j] -= sign * negatives << shift
    return [builder.sum(found, b + offset) for found, b, offset in zip(terms, bias, offsets)]


def _count(builder: WordBuilder, bits: list[int], signs: IntArray) -> tuple[int, int]:
    """A node with the number of ones of bits xor (sign < 0), and how many signs are negative."""
    flips = sum(1 << i for i, s in enumerate(signs.tolist()) if s < 0)
    index = builder.sum([Term(bit, i) for i, bit in enumerate(bits)])
    entries = np.bitwise_count(np.arange(1 << len(bits)) ^ flips).astype(np.int64)
    return builder.table(index, entries), flips.bit_count()


def program(state: Lowering, nodes: list[int], matrix: IntArray) -> AdderProgram:
    """The adder graph of a matrix; equal matrices on equal ranges (convolutions) are searched once."""
    bounds = np.array([state.builder.range(n) for n in nodes], np.int64).reshape(-1, 2)
    key = (matrix.shape, matrix.tobytes(), bounds.tobytes())
    if key not in state.programs:
        state.programs[key] = matvec(matrix, bounds[:, 0], bounds[:, 1], state.options)
    found: AdderProgram = state.programs[key]
    return found


def pairwise(state: Lowering, node: Node, dot: Callable[[WordBuilder, list[int], list[int]], int]) -> IntArray:
    """a @ b with `dot` (builder, row, column) for every element; leading axes broadcast as numpy's do."""
    a, b = (state.nodes(v) for v in node.operands)
    a = a[None, :] if a.ndim == 1 else a
    b = b[:, None] if b.ndim == 1 else b
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left = np.broadcast_to(a, (*lead, *a.shape[-2:])).reshape(-1, *a.shape[-2:])
    right = np.broadcast_to(b, (*lead, *b.shape[-2:])).reshape(-1, *b.shape[-2:])
    made = [
        [[dot(state.builder, row, column) for column in columns.T.tolist()] for row in rows.tolist()]
        for rows, columns in zip(left, right)
    ]
    return np.array(made, np.int64).reshape(node.type.shape)


def _dot(builder: WordBuilder, row: list[int], column: list[int]) -> int:
    return builder.sum(Term(builder.mul(x, y)) for x, y in zip(row, column))
