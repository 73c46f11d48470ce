"""Arg-max of a matrix product without what cannot decide it.

A number added to every class decides nothing, so each row of weights may be taken less any constant, and so may the
bias: the one that leaves the fewest signed digits. Where all weights left are multiples of 2**k, so are the sums but
for their biases' low k bits; those only order the classes whose sums are equal above them, which the order of the
tournament does for nothing. Both are exact, ties included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nc.compiler.words.matvec import csd_masks
from nc.ir.graph import Graph, Value
from nc.ir.ops.argmax import ArgMax
from nc.ir.words.graph import IntArray

WIDEST_SEARCH = 1 << 12
"""Rows whose weights span more have only their own weights tried."""

LARGEST = 1 << 27
"""Differences of weights stay within what adder graphs take."""


@dataclass(frozen=True, eq=False)
class Decision:
    """`source`: the value (n,) whose product with `weights` (n, classes) plus `bias` is decided on.

    The k-th column is class `classes[k]`; of equal sums the one that stands first wins.
    """

    source: Value
    weights: IntArray
    bias: IntArray
    classes: IntArray


def decisions(graph: Graph) -> tuple[Mapping[Value, Decision], frozenset[Value]]:
    """For each arg-max of a product that nothing else reads what to compute; and the values that need not be."""
    found: dict[Value, Decision] = {}
    spared: set[Value] = set()
    for value, node in enumerate(graph.nodes):
        if not isinstance(node.op, ArgMax):
            continue
        product = _product(graph, node.operands[0])
        if product is None:
            continue
        source, weights, bias, between = product
        found[value] = decision(source, weights, bias, last=node.op.last)
        spared |= between
    return found, frozenset(spared)


def decision(source: Value, weights: IntArray, bias: IntArray, *, last: bool = False) -> Decision:
    """The cheapest equal arg-max of x @ weights + bias; `last`: of equal classes the highest wins, not the lowest."""
    left = weights - _cheapest(weights)[:, None]
    joined = int(np.bitwise_or.reduce(np.abs(left), axis=None)) if left.size else 0
    low = (joined & -joined).bit_length() - 1 if joined else 0
    high, rest = bias >> low, bias & (1 << low) - 1
    high = high - _cheapest(high[None])[0]
    number = np.arange(len(bias))
    order = np.lexsort((-number if last else number, -rest))
    return Decision(source, left[:, order] >> low, high[order], number[order])


def _product(graph: Graph, value: Value) -> tuple[Value, IntArray, IntArray, set[Value]] | None:
    """(x, weights, bias, the values between) of a vector x @ weights + bias with one reader; None for anything else."""
    between: set[Value] = set()
    kind = graph.type(value)
    if kind.rank != 1 or not kind.is_int:
        return None
    bias = np.zeros(kind.shape, np.int64)
    while True:
        node = graph.nodes[value]
        if len(graph.users[value]) != 1 or value in graph.outputs.values() or len(node.operands) != 2:
            return None
        between.add(value)
        a, b = node.operands
        data = graph.nodes[b].constant
        if node.op.name == "matmul" and data is not None and data.ndim == 2 and graph.type(a).rank == 1:
            weights = np.asarray(data, np.int64)
            return None if np.abs(weights).max(initial=0) >= LARGEST else (a, weights, bias, between)
        if node.op.name != "add" or data is None or graph.type(a).shape != kind.shape:
            return None
        bias = bias + np.broadcast_to(np.asarray(data, np.int64), kind.shape)
        value = a


def _cheapest(rows: IntArray) -> IntArray:
    """For each row the constant to subtract that leaves the fewest signed digits; of equals the smallest weights."""
    found = np.zeros(len(rows), np.int64)
    for i, row in enumerate(rows):
        low, high = int(row.min()), int(row.max())
        tried = np.arange(low, high + 1) if high - low < WIDEST_SEARCH else np.unique(row)
        left = row[None, :] - tried[:, None]
        digits = np.bitwise_count(np.bitwise_or(*csd_masks(left))).sum(axis=1)
        found[i] = tried[np.lexsort((np.abs(left).sum(axis=1), digits))[0]]
    return found
