"""fold-batchnorm: a batch norm behind a layer with float weights becomes part of its weights and bias.

Layers whose weights are already quantised keep theirs: there the norm folds, exactly, into integer thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array
from nc.ir.ops.batch_norm import BatchNorm
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul


@dataclass(frozen=True)
class FoldBatchNorm:
    """No options."""

    name = "fold-batchnorm"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _visit)


def _visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
    if not isinstance(node.op, BatchNorm):
        return keep(build, node, operands)
    layer = _layer(build, operands[0])
    if layer is None:
        return keep(build, node, operands)
    at, weights, bias = layer
    norm, source = node.op, build.nodes[at]
    gain = norm.scale / np.sqrt(norm.variance + norm.epsilon)
    column = gain if isinstance(source.op, MatMul) else gain.reshape(-1, *(1,) * (weights.ndim - 1))
    scaled = build.add(source.op, source.operands[0], build.constant(weights * column), origin=source.origin)
    shift = (bias - norm.mean) * gain + norm.bias
    spread = shift.reshape(-1, *(1,) * (build.type(scaled).rank - 1))
    return build.add(Add(), scaled, build.constant(spread), origin=source.origin)


def _layer(build: Builder, value: Value) -> tuple[Value, Array, Array] | None:
    """(layer, float weights, bias by channel) when `value` is a layer, or a layer plus a constant bias."""
    node, bias = build.nodes[value], np.zeros(1)
    if isinstance(node.op, Add):
        for layer, other in (node.operands, node.operands[::-1]):
            constant = build.nodes[other].constant
            if constant is not None and isinstance(build.nodes[layer].op, (MatMul, Conv)):
                channels = build.type(layer).shape[0]
                if constant.size not in (1, channels):
                    return None
                value, node, bias = layer, build.nodes[layer], constant.ravel()
                break
    if not isinstance(node.op, (MatMul, Conv)) or isinstance(node.op, MatMul) and node.type.rank != 1:
        return None
    weights = build.nodes[node.operands[1]].constant
    if weights is None or weights.dtype.kind != "f":
        return None
    return value, weights, bias
