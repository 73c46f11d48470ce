"""QONNX: quantisers of arbitrary width (github.com/fastmachinelearning/qonnx; Pappalardo et al., arXiv:2206.07527)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.elementwise import scalar
from nc.compiler.frontends.onnx.node import ONE, Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import QONNX
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.quantize import Quantize

_ZERO = np.zeros((), np.int64)
_WIDEST = 32  # bits

# names of the QONNX executor (its "half up" is away from zero) -> those of the graph
ROUNDINGS = {
    "ROUND": "half_even",
    "HALF_EVEN": "half_even",
    "HALF_UP": "half_away",
    "HALF_DOWN": "half_zero",
    "CEIL": "ceil",
    "FLOOR": "floor",
    "UP": "away",
    "DOWN": "zero",
}


@translates("Quant", "IntQuant", domain=QONNX)
def quant(node: Node) -> Tensor:
    """(clamp(round(x / scale + zero_point)) - zero_point) * scale; one signed bit is -1 or +1."""
    scale, zero = affine(node, 1, 2)
    bits = width(node, 3)
    signed, narrow = bool(node.attributes["signed"]), bool(node.attributes["narrow"])
    if bits == 1 and signed:
        if np.any(zero):
            node.refuse("a bipolar Quant must have the zero point 0")
        return _bipolar(node, scale)
    integers = node.emit(Quantize(scale, zero, *span(bits, signed, narrow), rounding(node)), node[0])
    return node.emit(Dequantize(scale, zero), integers)


@translates("BipolarQuant", domain=QONNX)
def bipolar_quant(node: Node) -> Tensor:
    """+scale where x >= 0, -scale elsewhere."""
    return _bipolar(node, fitted(node, node[0], node.data(1, "the scale"), "the scale"))


def _bipolar(node: Node, scale: Array) -> Tensor:
    return node.emit(Dequantize(scale, _ZERO), node.emit(Quantize(scale, _ZERO, -1, 1, bipolar=True), node[0]))


@translates("Trunc", domain=QONNX)
def trunc(node: Node) -> Tensor:
    """Drop low bits of an already quantised value (rounded again, as the executor does).

    Version 1: operands scale, zero point, bits before, bits after. Version 2: an output scale before the bits after.
    """
    scale, zero = affine(node, 1, 2)
    inner = node.emit(Quantize(scale, zero, *_whole(), "half_even"), node[0])
    if len(node.operands) == 5:
        factor = 2 ** (width(node, 3) - width(node, 4))
        after, lowest, highest = scale, *_whole()
        if factor != 1 and np.any(zero):
            node.refuse("Trunc must have the zero point 0", "quantise symmetrically before the truncation")
    else:
        after = fitted(node, node[0], node.data(4, "the output scale"), "the output scale")
        factor = _power_of_two(node, after / scale)
        lowest, highest = span(width(node, 5), bool(node.attributes["signed"]), bool(node.attributes["narrow"]))
        if np.any(zero % factor):
            node.refuse("the zero point of Trunc must be a multiple of the truncation step")
    whole = node.emit(Dequantize(ONE, _ZERO), inner)
    step = np.asarray(float(factor))
    cut = node.emit(Quantize(step, _ZERO, lowest, highest, rounding(node)), whole)
    return node.emit(Dequantize(after, zero // factor), cut)


def _power_of_two(node: Node, ratio: Array) -> int:
    exponent = np.unique(np.round(np.log2(ratio)))
    if exponent.size != 1 or not 0 <= exponent[0] <= _WIDEST:
        node.refuse("the output scale of Trunc must be one power of two times its input scale")
    return int(2 ** int(exponent[0]))


def _whole() -> tuple[int, int]:
    return -(1 << _WIDEST - 1), (1 << _WIDEST - 1) - 1


@translates("MultiThreshold", domain=QONNX)
def multi_threshold(node: Node) -> Tensor:
    """out_scale * #{k : x >= thresholds[c, k]} + out_bias."""
    x, thresholds = node[0], node.data(1, "the thresholds")
    if thresholds.ndim != 2 or not thresholds.size:
        fail("NC109", f"thresholds of MultiThreshold must be (channels, levels), not {node[1]}")
    if np.any(np.isnan(thresholds)):
        node.check_finite(thresholds, "the thresholds")
    rows = np.sort(thresholds, axis=1)
    axis = _channel_axis(node, x)
    base, step, scale, bias = _steps(node.attributes["out_scale"], node.attributes["out_bias"])
    counted = node.emit(MultiThreshold(rows, np.ones(1, np.int64), axis, base, step), x, dtype=TensorProto.FLOAT)
    result = node.emit(Dequantize(np.asarray(scale), _ZERO), counted)
    return node.emit(Add(), result, scalar(bias, result.dtype)) if bias else result


def _steps(scale: float, bias: float) -> tuple[int, int, float, float]:
    """(base, step, scale, bias): as much of out_scale and out_bias as possible as integers, exactly."""
    if scale == 0:
        return 0, 0, 1.0, bias
    if scale.is_integer() and bias.is_integer():
        return int(bias), int(scale), 1.0, 0.0
    ratio = Fraction(bias) / Fraction(scale)
    if scale > 0 and ratio.denominator == 1:
        return int(ratio), 1, scale, 0.0
    return 0, 1, scale, bias


def _channel_axis(node: Node, x: Tensor) -> int:
    """The channel axis: named by data_layout; otherwise as the QONNX executor guesses it from the rank."""
    layout = node.attributes["data_layout"] or {2: "NC", 3: "NWC", 4: "NCHW"}.get(x.rank, "")
    return node.axis(x, layout.index("C") if "C" in layout else 1)


def rounding(node: Node) -> str:
    mode = node.attributes["rounding_mode"].upper()
    if mode not in ROUNDINGS:
        node.refuse(f"rounding_mode of {node.op} must be one of {', '.join(ROUNDINGS)}, not '{mode}'")
    return ROUNDINGS[mode]


def width(node: Node, index: int) -> int:
    """A constant number of bits, 1..32."""
    bits = node.number(index, "the bit width")
    if not 1 <= bits <= _WIDEST or bits != int(bits):
        node.refuse(f"the bit width of {node.op} must be one whole number in 1..{_WIDEST}, not {bits:g}")
    return int(bits)


def span(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """Least and greatest integer of a QONNX quantiser (`narrow`: one less, for symmetry)."""
    if signed:
        return -(1 << bits - 1) + narrow, (1 << bits - 1) - 1
    return 0, (1 << bits) - 1 - narrow


def affine(node: Node, scale: int, zero: int) -> tuple[Array, Array]:
    """Scale and zero point as they broadcast to the sample's shape. Raises NC103, NC104, NC111."""
    x = node[0]
    scales = fitted(node, x, node.data(scale, "the scale"), "the scale")
    zeros = fitted(node, x, node.data(zero, "the zero point"), "the zero point")
    node.check_finite(zeros, "the zero point")
    if np.any(zeros != np.round(zeros)):
        node.refuse(f"the zero point of {node.op} must be a whole number")
    return scales, zeros.astype(np.int64)


def fitted(node: Node, x: Tensor, data: Array, what: str) -> Array:
    """Constants that broadcast to the whole tensor, as they broadcast to one sample; one number gets shape ()."""
    node.check_finite(data, what)
    if data.size == 1:
        return data.reshape(())
    if x.batched and data.ndim == x.rank:
        if data.shape[0] != 1:
            fail("NC105", f"{what} of {node.op} must have a leading extent of 1 where {x} has the batch")
        data = data[0]
    try:
        fits = np.broadcast_shapes(data.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        fail("NC109", f"{what} of {node.op} must broadcast to {x}, not be {list(data.shape)}")
    return data
