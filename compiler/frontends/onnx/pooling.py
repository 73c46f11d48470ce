"""Pools over windows and over whole planes."""

from __future__ import annotations

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import Tensor
from nc.compiler.frontends.onnx.windows import Geometry
from nc.ir.diagnostics import fail
from nc.ir.ops.average_pool import AveragePool
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.reduce_max import ReduceMax
from nc.ir.ops.reduce_mean import ReduceMean


@translates("MaxPool")
def max_pool(node: Node) -> Tensor:
    kernel = node.attributes["kernel_shape"]
    geometry = Geometry.of(node, kernel, node[0])
    op = MaxPool(kernel, geometry.strides, geometry.pads, geometry.dilations)
    return node.per_sample(node[0], lambda x: node.emit(op, x))


@translates("AveragePool")
def average_pool(node: Node) -> Tensor:
    return averaged(node, node[0])


def averaged(node: Node, x: Tensor) -> Tensor:
    """The mean of each window of x (N, C, *spatial); counts of ceil_mode and count_include_pad as in ONNX."""
    kernel = node.attributes["kernel_shape"]
    geometry = Geometry.of(node, kernel, x)
    none = (0,) * len(geometry.pads)
    counted = tuple(map(min, geometry.declared, geometry.pads)) if node.attributes["count_include_pad"] else none
    op = AveragePool(kernel, geometry.strides, geometry.pads, geometry.dilations, counted)
    return node.per_sample(x, lambda sample: node.emit(op, sample))


@translates("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node) -> Tensor:
    x = node[0]
    if x.rank < 3:
        fail("NC109", f"{node.op} must have an input (N, C, *spatial), not {x}")
    axes = tuple(range(2 - x.batched, len(x.shape)))
    return node.emit(ReduceMean(axes, True) if node.op == "GlobalAveragePool" else ReduceMax(axes, True), x)
