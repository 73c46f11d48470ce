"""Quantisers of torch: fake quantisation (quantisation-aware training) and the decomposed ones of PT2E exports."""

from __future__ import annotations

from typing import Any

from onnx import TensorProto

from nc.compiler.frontends.torch_archive import Ref
from nc.compiler.frontends.torch_writer import Arguments, Writer, aten
from nc.ir.diagnostics import fail
from nc.ir.types import natural_range

_TYPES = {
    natural_range(8, False): TensorProto.UINT8,
    natural_range(8, True): TensorProto.INT8,
    natural_range(16, False): TensorProto.UINT16,
    natural_range(16, True): TensorProto.INT16,
}


@aten("fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine")
def _fake_quantize(w: Writer, a: Arguments) -> str:
    scale, zero, axis = _parameters(w, a)
    return w.node("DequantizeLinear", _quantised(w, a, scale, zero, axis), scale, zero, axis=axis)


@aten("quantize_per_tensor", "quantize_per_channel")
def _quantize(w: Writer, a: Arguments) -> str:
    scale, zero, axis = _parameters(w, a)
    return _quantised(w, a, scale, zero, axis)


@aten("dequantize_per_tensor", "dequantize_per_channel")
def _dequantize(w: Writer, a: Arguments) -> str:
    scale, zero, axis = _parameters(w, a)
    return w.node("DequantizeLinear", a.own, scale, zero, axis=axis)


def _quantised(w: Writer, a: Arguments, scale: str, zero: str, axis: int) -> str:
    """clamp(round half even(x / scale) + zero_point, quant_min, quant_max)."""
    lo, hi, dtype = _range(a)
    made = w.node("QuantizeLinear", a.own, scale, zero, axis=axis)
    if (lo, hi) in _TYPES:
        return made
    return w.node("Clip", made, w.constant(lo, dtype), w.constant(hi, dtype))


def _range(a: Arguments) -> tuple[int, int, int]:
    """Least and greatest integer, and the smallest ONNX type that holds them."""
    lo, hi = a.get("quant_min"), a.get("quant_max")
    fitting = [dtype for (least, most), dtype in _TYPES.items() if least <= lo <= hi <= most]
    if not fitting:
        fail("NC103", f"{a.call.target} must quantise to at most 16 bits, not {lo}..{hi}")
    return lo, hi, fitting[0]


def _parameters(w: Writer, a: Arguments) -> tuple[str, str, int]:
    """Scale, zero point in the type of the integers, and the axis of the channels."""
    dtype = _range(a)[2]
    scale: Any = a.get("scale", a.get("scales"))
    zero: Any = a.get("zero_point", a.get("zero_points", 0))
    scales = w.node("Cast", scale.name, to=TensorProto.FLOAT) if isinstance(scale, Ref) else w.constant(scale)
    zeros = w.node("Cast", zero.name, to=dtype) if isinstance(zero, Ref) else w.constant(zero, dtype)
    return scales, zeros, a.get("axis", 0)
