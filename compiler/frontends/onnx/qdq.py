"""The standard's quantised operators: QuantizeLinear and DequantizeLinear, QLinear* and *Integer."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.elementwise import scalar
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.linear import convolution, product, turned
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.pooling import averaged
from nc.compiler.frontends.onnx.qonnx import fitted
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import MICROSOFT
from nc.compiler.frontends.onnx.tensors import INTEGERS, type_name, type_range
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array
from nc.ir.ops.clip import Clip
from nc.ir.ops.concat import Concat
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.leaky_relu import LeakyRelu
from nc.ir.ops.mul import Mul
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reduce_mean import ReduceMean
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.softmax import Softmax
from nc.ir.ops.sub import Sub

_ZERO = np.zeros((), np.int64)


def quantized(node: Node, x: Tensor, scale: Array, zero: Array, dtype: int, *, inside: bool = False) -> Tensor:
    """saturate(round half even(x / scale) + zero_point), or the zero point `inside`: round(x / scale + zero_point).

    One added after rounding turns ties the other way than one added before where it is odd.
    """
    lo, hi = type_range(dtype)
    if inside:
        return node.emit(Quantize(scale, zero, lo, hi, "half_even"), x, dtype=dtype)
    if np.unique(zero % 2).size == 1:
        rounding = "half_odd" if np.any(zero % 2) else "half_even"
        return node.emit(Quantize(scale, zero, lo, hi, rounding), x, dtype=dtype)
    least, most = int(zero.min()), int(zero.max())
    inner = node.emit(Quantize(scale, _ZERO, lo - most, hi - least), x, dtype=TensorProto.INT32)
    moved = node.emit(Add(), inner, constant(zero, TensorProto.INT32), exact=True)
    return node.emit(Clip(lo, hi), moved, dtype=dtype)


def dequantized(node: Node, q: Tensor, scale: Array, zero: Array, dtype: int = TensorProto.FLOAT) -> Tensor:
    """(q - zero_point) * scale; constants stay integers in the graph."""
    if q.value is not None and not node.build.type(q.value).is_int:
        node.refuse(f"{node.op} must read small or constant integers, not computed {type_name(q.dtype)}")
    return node.emit(Dequantize(scale, zero), q, dtype=dtype, exact=True)


def parameters(node: Node, x: Tensor, scale: int, zero: int, axis: int | None = 1) -> tuple[Array, Array]:
    """Constants scale and zero point (0 when left out), shaped to broadcast along `axis` of x.

    Raises NC103 for blocks of an axis, NC104 for scales that are computed.
    """
    data = node.data(scale, "the scale")
    zeros = node.data(zero, "the zero point") if node.maybe(zero) is not None else np.zeros(data.shape, np.int64)
    if node.attributes.get("block_size"):
        node.refuse(f"{node.op} must quantise whole tensors or channels, not blocks", "export without block_size")
    return _along(node, x, data, axis), _along(node, x, zeros, axis).astype(np.int64)


def _along(node: Node, x: Tensor, data: Array, axis: int | None) -> Array:
    if data.size == 1 or data.ndim > 1 or axis is None:
        return fitted(node, x, data, "the scale")
    own = node.axis(x, axis)
    if data.shape != (x.shape[own],):
        fail("NC109", f"{node.op} must have one scale for each of {x.shape[own]} channels of {x}, not {data.size}")
    node.check_finite(data, "the scale")
    return data.reshape(-1, *(1,) * (len(x.shape) - own - 1))


def _check_positive(node: Node, scale: Array) -> None:
    if not np.all(scale > 0):
        node.refuse(f"scales of {node.op} must be positive")


@translates("QuantizeLinear")
@translates("QuantizeLinear", domain=MICROSOFT)
def quantize_linear(node: Node) -> Tensor:
    x, zero_point = node[0], node.maybe(2)
    stated = node.attributes.get("output_dtype") or None
    dtype = zero_point.dtype if zero_point is not None else stated or TensorProto.UINT8
    _check_integer(node, dtype)
    if x.value is not None and node.build.type(x.value).is_int:
        node.refuse(f"{node.op} must read floats, not integers")
    axis = node.attributes.get("axis", 1)
    scale, zero = parameters(node, x, 1, 2, _inside(node, x, axis))
    _check_positive(node, scale)
    return quantized(node, x, scale, zero, dtype)


@translates("DequantizeLinear")
@translates("DequantizeLinear", domain=MICROSOFT)
def dequantize_linear(node: Node) -> Tensor:
    _check_integer(node, node[0].dtype)
    axis = node.attributes.get("axis", 1)
    scale, zero = parameters(node, node[0], 1, 2, _inside(node, node[0], axis))
    return dequantized(node, node[0], scale, zero, node.attributes.get("output_dtype") or node[1].dtype)


def _inside(node: Node, x: Tensor, axis: int) -> int | None:
    """The default axis does not exist in scalars and vectors: one scale a tensor is meant."""
    return axis if -x.rank <= axis < x.rank else None


def _check_integer(node: Node, dtype: int) -> None:
    if dtype not in INTEGERS:
        node.refuse(f"{node.op} must quantise to integers, not {type_name(dtype)}", "use int8 or uint8")


def _operand(node: Node, at: int, axis: int | None = None) -> Tensor:
    """The real tensor of a (value, scale, zero point) triple of operands."""
    return dequantized(node, node[at], *parameters(node, node[at], at + 1, at + 2, axis))


def _result(node: Node, x: Tensor, at: int, without: int | None = None, *, inside: bool = False) -> Tensor:
    """Quantise to the (scale, zero point) at `at`; the type is the zero point's, that of the first operand without.

    `inside`: onnxruntime's kernel of this operator adds the zero point before it rounds; most do after.
    """
    zero_point = node.maybe(at + 1)
    dtype = zero_point.dtype if zero_point is not None else without or node[0].dtype
    scale, zero = parameters(node, x, at, at + 1, None)
    _check_positive(node, scale)
    return quantized(node, x, scale, zero, dtype, inside=inside)


@translates("QLinearMatMul")
def qlinear_matmul(node: Node) -> Tensor:
    a, b = _operand(node, 0), _operand(node, 3, -1)
    return _result(node, product(node, a, b), 6)


@translates("QLinearConv")
def qlinear_conv(node: Node) -> Tensor:
    """The bias counts steps of x_scale * w_scale, both exact."""
    x, weights = _operand(node, 0), _operand(node, 3, 0)
    bias = node.maybe(8)
    if bias is not None:
        step = (node.data(1, "the scale").ravel() * node.data(4, "the scale").ravel()).squeeze()
        bias = dequantized(node, bias, step, _ZERO)
    return _result(node, convolution(node, x, weights, bias), 6)


@translates("MatMulInteger")
def matmul_integer(node: Node) -> Tensor:
    a, b = _centred(node, 0, 2, -2), _centred(node, 1, 3, -1)
    return product(node, a, b, TensorProto.INT32)


@translates("ConvInteger")
def conv_integer(node: Node) -> Tensor:
    return convolution(node, _centred(node, 0, 2, None), _centred(node, 1, 3, 0), None, TensorProto.INT32)


def _centred(node: Node, at: int, zero: int, axis: int | None) -> Tensor:
    """x - zero_point, exactly."""
    x = node[at]
    if node.maybe(zero) is None or not np.any(node.data(zero, "the zero point")):
        return node.exact(x, TensorProto.INT32)
    zeros = _along(node, x, node.data(zero, "the zero point"), axis)
    return node.emit(Sub(), x, constant(zeros, TensorProto.INT32), dtype=TensorProto.INT32, exact=True)


@translates("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def qlinear_binary(node: Node) -> Tensor:
    op = Add() if node.op == "QLinearAdd" else Mul()
    return _result(node, node.emit(op, *node.lined(_operand(node, 0), _operand(node, 3))), 6, inside=True)


@translates("QLinearSigmoid", "QLinearLeakyRelu", domain=MICROSOFT)
def qlinear_unary(node: Node) -> Tensor:
    op = Sigmoid() if node.op == "QLinearSigmoid" else LeakyRelu(node.attributes["alpha"])
    return _result(node, node.emit(op, _operand(node, 0)), 3)


@translates("QGemm", domain=MICROSOFT)
def qgemm(node: Node) -> Tensor:
    """alpha * (A' @ B' + C), where C counts steps of a_scale * b_scale; a float result without an output scale."""
    a = turned(node, _operand(node, 0), node.attributes["transA"])
    b = turned(node, _operand(node, 3, 0 if node.attributes["transB"] else 1), node.attributes["transB"])
    result = product(node, a, b)
    bias = node.maybe(6)
    if bias is not None:
        step = (node.data(1, "the scale").ravel() * node.data(4, "the scale").ravel()).squeeze()
        result = node.emit(Add(), *node.lined(result, dequantized(node, bias, step, _ZERO)))
    if node.attributes["alpha"] != 1:
        result = node.emit(Mul(), result, scalar(node.attributes["alpha"], result.dtype))
    return _result(node, result, 7) if node.maybe(7) is not None else result


@translates("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(node: Node) -> Tensor:
    x = _operand(node, 0)
    axis = node.axis(x, node.attributes["axis"])
    axes = tuple(range(axis, len(x.shape))) if node.attributes["opset"] < 13 else (axis,)
    return _result(node, node.emit(Softmax(axes), x), 3)


@translates("QLinearAveragePool", domain=MICROSOFT)
def qlinear_average_pool(node: Node) -> Tensor:
    if node.attributes["channels_last"]:
        node.refuse("QLinearAveragePool must have its channels first")
    return _result(node, averaged(node, _operand(node, 0)), 3, inside=True)


@translates("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(node: Node) -> Tensor:
    """Operands: the result's scale and zero point, then triples."""
    if len(node.operands) % 3 != 2:
        fail("NC109", f"QLinearConcat must have triples of operands, not {len(node.operands) - 2} after the first two")
    parts = [_operand(node, at) for at in range(2, len(node.operands), 3)]
    lead = next((t for t in parts if t.batched), parts[0])
    axis = node.axis(lead, node.attributes["axis"])
    return _result(node, node.emit(Concat(axis), *node.lined(*parts)), 0, node[2].dtype)


@translates("QLinearGlobalAveragePool", domain=MICROSOFT)
def qlinear_global_average_pool(node: Node) -> Tensor:
    x = _operand(node, 0)
    if node.attributes["channels_last"] or x.rank < 3:
        node.refuse("QLinearGlobalAveragePool must have an input (N, C, *spatial)")
    return _result(node, node.emit(ReduceMean(tuple(range(2 - x.batched, len(x.shape))), True), x), 3)
