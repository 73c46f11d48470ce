"""Matrix products and convolutions."""

from __future__ import annotations

import numpy as np

from nc.compiler.frontends.onnx.elementwise import scalar
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import Tensor
from nc.compiler.frontends.onnx.windows import Geometry
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.mul import Mul
from nc.ir.ops.transpose import Transpose


@translates("MatMul")
def matmul(node: Node) -> Tensor:
    return product(node, node[0], node[1])


def product(node: Node, a: Tensor, b: Tensor, dtype: int | None = None) -> Tensor:
    """a @ b as ONNX (numpy) has it, with the batch axis kept out of the sums. Raises NC105."""
    rank = max(a.rank, b.rank)
    if a.batched and (a.rank < rank or a.rank < 2) or b.batched and (b.rank < rank or b.rank < 3):
        fail(
            "NC105",
            f"{node.op} must keep the batch axis in front, not multiply {a} by {b}",
            help="put the data on the left and the weights on the right",
        )
    if a.batched and not b.batched and b.rank == rank > 2:
        b = node.without_lead(b)
    if b.batched and not a.batched and a.rank == rank:
        a = node.without_lead(a)
    return node.emit(MatMul(), a, b, dtype=dtype)


@translates("Gemm")
def gemm(node: Node) -> Tensor:
    """alpha * A' @ B' + beta * C."""
    a = turned(node, node[0], node.attributes["transA"])
    b = turned(node, node[1], node.attributes["transB"])
    result = product(node, a, b)
    if node.attributes["alpha"] != 1:
        result = node.emit(Mul(), result, scalar(node.attributes["alpha"], result.dtype))
    bias = node.maybe(2)
    if bias is None or node.attributes["beta"] == 0:
        return result
    if node.attributes["beta"] != 1:
        bias = node.emit(Mul(), bias, scalar(node.attributes["beta"], bias.dtype))
    return node.emit(Add(), *node.lined(result, bias))


def turned(node: Node, tensor: Tensor, turn: int) -> Tensor:
    """A matrix, transposed when `turn` is set. Raises NC105 for the batch axis."""
    if tensor.rank != 2:
        fail("NC109", f"operands of {node.op} must be matrices, not {tensor}")
    if not turn:
        return tensor
    if tensor.batched:
        fail(
            "NC105",
            f"the data operand of {node.op} must not be transposed: its leading axis is the batch",
            help="put the data on the left without transA",
        )
    return node.emit(Transpose((1, 0)), tensor)


@translates("Conv")
def conv(node: Node) -> Tensor:
    return convolution(node, node[0], node[1], node.maybe(2))


def convolution(node: Node, x: Tensor, weights: Tensor, bias: Tensor | None, dtype: int | None = None) -> Tensor:
    """Convolution of (N, C, *spatial), groups and all. Raises NC109 when the shapes do not fit."""
    if weights.batched:
        fail("NC104", f"the weights of {node.op} must be constant, not a batch of them")
    rank = len(weights.shape) - 2
    if rank < 1 or x.rank != rank + 2:
        fail("NC109", f"{node.op} must have weights (O, C, *kernel) of the rank of its input {x}, not {weights}")
    stated = node.attributes["kernel_shape"]
    if stated is not None and stated != weights.shape[2:]:
        fail("NC109", f"kernel_shape of {node.op} must be that of its weights {weights}, not {list(stated)}")
    geometry = Geometry.of(node, weights.shape[2:], x)
    op = Conv(geometry.strides, geometry.pads, geometry.dilations, node.attributes["group"])
    result = node.per_sample(x, lambda sample: node.emit(op, sample, weights, dtype=dtype))
    if bias is None:
        return result
    column = node.reshape(bias, (int(np.prod(bias.shape)), *(1,) * rank))
    return node.emit(Add(), *node.lined(result, column), dtype=dtype)
