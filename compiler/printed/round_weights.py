"""Post-training approximation: constant weights of an integer graph to one power of two, or to few signed digits.

A product by a power of two is a shift, so a neuron is one adder array of shifted inputs (Afentaki et al., ICCAD 2023;
here without retraining). The graph's integers stay exact: it is another graph, and everything downstream equals it.
With data, each sum's bias is moved by the mean error that its rounded weights cause, layer after layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep
from nc.ir.interpret import evaluate
from nc.ir.ops.add import Add
from nc.ir.ops.matmul import MatMul
from nc.ir.words.builder import csd

Array = np.ndarray[Any, np.dtype[Any]]


def round_weights(graph: Graph, digits: int, data: Mapping[str, Array] | None = None) -> Graph:
    """`graph` with every constant operand of a matrix product rounded to `digits` signed digits (1: powers of two).

    `data`: integer inputs by name (N, *shape), on which the mean of each product is restored.
    """
    sides = {v: side for v, node in enumerate(graph.nodes) if (side := _weights_side(graph, node)) is not None}
    others = tuple(graph.nodes[v].operands[1 - side] for v, side in sides.items())
    seen = {} if data is None else evaluate(graph, data, probes=others)

    build = Builder(graph.name)
    new: list[Value] = []
    for value, node in enumerate(graph.nodes):
        build.origin = node.origin
        operands = [new[v] for v in node.operands]
        if value not in sides:
            new.append(keep(build, node, operands))
            continue
        side = sides[value]
        weights = graph.nodes[node.operands[side]].constant
        assert weights is not None
        few = nearest_digits(weights, digits)
        operands[side] = build.constant(few)
        product = build.add(node.op, *operands, meaning=node.type.meaning)
        if seen:
            x = seen[f"%{node.operands[1 - side]}"]
            lost = (weights - few)[None]
            error = node.op.evaluate(*((x, lost) if side else (lost, x))).mean(axis=0)
            shift = build.constant(np.rint(error).astype(np.int64))
            product = build.add(Add(), product, shift, meaning=node.type.meaning)
        new.append(product)
    for label, value in graph.outputs.items():
        build.output(label, new[value])
    return build.finish()


def _weights_side(graph: Graph, node: Node) -> int | None:
    """Which operand of a product of exact integers is a constant; None when there is nothing to round."""
    if not isinstance(node.op, MatMul) or not node.type.is_int:
        return None
    return next((side for side in (1, 0) if graph.nodes[node.operands[side]].constant is not None), None)


def nearest_digits(weights: Array, digits: int) -> Array:
    """Each integer rounded to at most `digits` canonical signed digits, the nearest first (greedy on the remainder).

    >>> nearest_digits(np.array([0, 3, 5, -7, 11]), 1).tolist()
    [0, 4, 4, -8, 8]
    >>> nearest_digits(np.array([3, 5, -7, 11]), 2).tolist()
    [3, 5, -7, 12]
    """
    flat = [_few(int(w), digits) for w in np.asarray(weights).ravel()]
    return np.array(flat, np.int64).reshape(np.shape(weights))


def _few(weight: int, digits: int) -> int:
    if len(csd(weight)) <= digits:
        return weight
    total, rest = 0, weight
    for _ in range(digits):
        if rest == 0:
            break
        low = 1 << (abs(rest).bit_length() - 1)
        step = low if 2 * abs(rest) < 3 * low else 2 * low
        part = step if rest > 0 else -step
        total, rest = total + part, rest - part
    return total
