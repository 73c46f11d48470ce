"""Evaluates a WordGraph on many vectors at once, exactly: level by level, one numpy step a kind.

Registers are transparent: the value of a node is that of its steady state, latency aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.words.graph import IntArray, WordGraph
from nc.ir.words.kinds import Kind

CELLS = 1 << 23
"""Values held at once: the vectors are cut so that nodes x vectors stays below this (64 MB)."""


def evaluate(graph: WordGraph, inputs: Sequence[IntArray]) -> list[IntArray]:
    """Outputs [(N, *shape)] of inputs [(N, *shape)], one array a port. NC603 for a value outside its range."""
    flat = flatten_inputs(graph, inputs)
    count = len(flat)
    outputs = [np.empty((count, len(port.nodes)), np.int64) for port in graph.outputs]
    for part, values in _chunks(graph, flat):
        for port, out in zip(graph.outputs, outputs):
            out[part] = values[port.nodes].T
    return [out.reshape(count, *port.shape) for port, out in zip(graph.outputs, outputs)]


def evaluate_nodes(graph: WordGraph, inputs: Sequence[IntArray], nodes: IntArray) -> IntArray:
    """Values (N, len(nodes)) of chosen nodes: probes, range checks."""
    flat = flatten_inputs(graph, inputs)
    result = np.empty((len(flat), len(nodes)), np.int64)
    for part, values in _chunks(graph, flat):
        result[part] = values[nodes].T
    return result


def flatten_inputs(graph: WordGraph, inputs: Sequence[IntArray]) -> IntArray:
    """All ports' elements side by side (N, n_inputs), each checked against its node's range."""
    arrays = [np.asarray(x, np.int64) for x in inputs]
    flat = np.concatenate([x.reshape(len(x), -1) for x in arrays], axis=1)
    nodes = np.concatenate([port.nodes for port in graph.inputs])
    if flat.shape[1] != len(nodes):
        fail("NC603", f"the inputs must hold {len(nodes)} elements a vector, not {flat.shape[1]}")
    low, high = graph.lo[nodes], graph.hi[nodes]
    wrong = np.argwhere((flat < low) | (flat > high))
    if len(wrong):
        row, column = wrong[0]
        fail(
            "NC603",
            f"element {column} of vector {row} must lie in {low[column]}..{high[column]}, not be {flat[row, column]}",
            help="quantise the data as the input port says, or widen the port's range",
        )
    return flat


def _chunks(graph: WordGraph, flat: IntArray) -> Iterator[tuple[slice, IntArray]]:
    plan = _plan(graph)
    sources = np.concatenate([port.nodes for port in graph.inputs])
    constants = np.flatnonzero(graph.kind == Kind.CONST)
    step = max(1, CELLS // max(1, len(graph)))
    for begin in range(0, len(flat), step):
        part = slice(begin, min(begin + step, len(flat)))
        values = np.empty((len(graph), part.stop - begin), np.int64)
        values[sources] = flat[part].T
        values[constants] = graph.p0[constants, None]
        for kind, nodes in plan:
            values[nodes] = KERNELS[kind](graph, nodes, values)
        yield part, values


def _plan(graph: WordGraph) -> list[tuple[Kind, IntArray]]:
    """Groups of nodes of one level, kind and (but for sums) arity: each is one vectorised step."""
    arity = np.where(graph.kind == Kind.SUM, 0, graph.arity)
    computed = np.flatnonzero((graph.kind != Kind.INPUT) & (graph.kind != Kind.CONST))
    order = computed[np.lexsort((computed, arity[computed], graph.kind[computed], graph.level[computed]))]
    keys = np.stack([graph.level[order], graph.kind[order].astype(np.int64), arity[order]])
    cuts = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    return [(Kind(int(graph.kind[group[0]])), group) for group in np.split(order, cuts) if len(group)]


def _operand(graph: WordGraph, nodes: IntArray, values: IntArray, which: int) -> IntArray:
    picked: IntArray = values[graph.src[graph.start[nodes] + which]]
    return picked


def _all(graph: WordGraph, nodes: IntArray, values: IntArray) -> list[IntArray]:
    return [_operand(graph, nodes, values, i) for i in range(int(graph.arity[nodes[0]]))]


def _sum(graph: WordGraph, nodes: IntArray, values: IntArray) -> IntArray:
    begin, lengths = graph.start[nodes], graph.arity[nodes]
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    result = np.empty((len(nodes), values.shape[1]), np.int64)
    # Cut by operands so that a layer of wide sums does not hold all its operands at once.
    budget = max(1, CELLS // max(1, values.shape[1]))
    cuts = np.searchsorted(first, np.arange(0, int(lengths.sum()), budget))
    bounds = np.unique(np.concatenate((cuts, [0, len(nodes)])))
    for a, b in zip(bounds[:-1], bounds[1:]):
        offset = np.repeat(begin[a:b] - first[a:b], lengths[a:b])
        entries = offset + np.arange(int(first[a]), int(first[a]) + int(lengths[a:b].sum()))
        rows = values[graph.src[entries]]
        rows <<= graph.shift[entries, None]
        np.negative(rows, out=rows, where=graph.neg[entries, None])
        result[a:b] = np.add.reduceat(rows, first[a:b] - first[a], axis=0)
    result += graph.p0[nodes, None]
    return result


def _ge(graph: WordGraph, nodes: IntArray, values: IntArray) -> IntArray:
    a, *b = _all(graph, nodes, values)
    result: IntArray = (a >= (b[0] if b else 0) + graph.p0[nodes, None]).astype(np.int64)
    return result


def _eq(graph: WordGraph, nodes: IntArray, values: IntArray) -> IntArray:
    a, *b = _all(graph, nodes, values)
    result: IntArray = (a == (b[0] if b else 0) + graph.p0[nodes, None]).astype(np.int64)
    return result


def _mux(graph: WordGraph, nodes: IntArray, values: IntArray) -> IntArray:
    select, then, otherwise = _all(graph, nodes, values)
    chosen: IntArray = np.where(select != 0, then, otherwise)
    return chosen


def _bits(graph: WordGraph, nodes: IntArray, values: IntArray) -> IntArray:
    mask = np.left_shift(np.int64(1), graph.p1[nodes]) - 1
    field: IntArray = (_operand(graph, nodes, values, 0) >> graph.p0[nodes, None]) & mask[:, None]
    return field


def _table(graph: WordGraph, nodes: IntArray, values: IntArray) -> IntArray:
    pool, first = _pool(graph)
    index = _operand(graph, nodes, values, 0) + (first[graph.p0[nodes]] - graph.p1[nodes])[:, None]
    picked: IntArray = pool[index]
    return picked


def _pool(graph: WordGraph) -> tuple[IntArray, IntArray]:
    lengths = [len(t) for t in graph.tables]
    return np.concatenate(graph.tables), np.concatenate(([0], np.cumsum(lengths)))


KERNELS: dict[Kind, Callable[[WordGraph, IntArray, IntArray], IntArray]] = {
    Kind.SUM: _sum,
    Kind.MUL: lambda g, n, v: _operand(g, n, v, 0) * _operand(g, n, v, 1),
    Kind.GE: _ge,
    Kind.EQ: _eq,
    Kind.MUX: _mux,
    Kind.MIN: lambda g, n, v: np.minimum.reduce(_all(g, n, v)),
    Kind.MAX: lambda g, n, v: np.maximum.reduce(_all(g, n, v)),
    Kind.CLAMP: lambda g, n, v: np.clip(_operand(g, n, v, 0), g.p0[n, None], g.p1[n, None]),
    Kind.SHR: lambda g, n, v: _operand(g, n, v, 0) >> g.p0[n, None],
    Kind.BITS: _bits,
    Kind.TABLE: _table,
    Kind.REG: lambda g, n, v: _operand(g, n, v, 0),
}
