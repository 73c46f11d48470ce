"""Whether a network is small enough to be laid out in space: the adders that its products would take."""

from __future__ import annotations

import numpy as np

from nc.ir.graph import Graph
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul

MOST_ADDERS = 250_000
"""Beyond so many, synthesis takes hours and no device of ours holds the result."""

LUTS_AN_ADDER = 8
"""What an adder with its share of the rest takes, where a device is to be fitted."""


def adders(graph: Graph) -> int:
    """Non-zero digits (canonical signed) of all constant weights, each as often as it is laid out."""
    total = 0
    for node in graph.nodes:
        if not isinstance(node.op, (Conv, MatMul)):
            continue
        for operand in node.operands:
            weights = graph.nodes[operand].constant
            if weights is None:
                continue
            positions = node.type.size // max(1, _results(node.op, weights.shape))
            total += positions * digits(weights)
    return total


def _results(op: Conv | MatMul, shape: tuple[int, ...]) -> int:
    return shape[0] if isinstance(op, Conv) else shape[-1]


def digits(weights: np.ndarray) -> int:
    """How many non-zero digits the canonical signed forms have: the ones of 3w xor w."""
    size = np.abs(weights.astype(np.int64)).astype(np.uint64)
    return int(np.bitwise_count((3 * size) ^ size).sum())
