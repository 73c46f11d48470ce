"""Whether a network is small enough to be laid out in space: the adders that its products would take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nc.ir.graph import Graph
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul

MOST_ADDERS = 250_000
"""Beyond so many, synthesis takes hours and no device of ours holds the result."""

LUTS_A_DIGIT = 1.5
"""What a non-zero digit of a weight takes beside the bits of the input that it adds: synthesised multi-bit networks
(digits, jet tagging) take 5 to 8 LUTs a digit of inputs of 4 to 6 bits, shared sub-expressions and activations in."""


def adders(graph: Graph) -> int:
    """Non-zero digits (canonical signed) of all constant weights, each as often as it is laid out."""
    return sum(count for count, _ in _products(graph))


def spatial_luts(graph: Graph) -> float:
    """Roughly the 4-input LUTs of the whole network laid out in space, before it is."""
    return sum(count * (LUTS_A_DIGIT + bits) for count, bits in _products(graph))


def _products(graph: Graph) -> Iterator[tuple[int, int]]:
    """For every product with constant weights: digits laid out, and bits of the other operand."""
    for node in graph.nodes:
        if not isinstance(node.op, (Conv, MatMul)):
            continue
        for k, operand in enumerate(node.operands[:2]):
            weights = graph.nodes[operand].constant
            if weights is None:
                continue
            positions = node.type.size // max(1, _results(node.op, weights.shape))
            yield positions * digits(weights), graph.type(node.operands[1 - k]).int.bits


def _results(op: Conv | MatMul, shape: tuple[int, ...]) -> int:
    return shape[0] if isinstance(op, Conv) else shape[-1]


def digits(weights: np.ndarray) -> int:
    """How many non-zero digits the canonical signed forms have: the ones of 3w xor w."""
    size = np.abs(weights.astype(np.int64)).astype(np.uint64)
    return int(np.bitwise_count((3 * size) ^ size).sum())
