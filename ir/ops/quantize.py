"""quantize: real numbers to integers by scale, zero point, rounding and clamping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.unary import machine_only
from nc.ir.types import IntType, TensorType

TIE = 1e-12  # relative: a float64 quotient this near to half an integer is one that binary fractions cannot hold

ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "half_even": np.rint,
    "half_up": lambda x: np.floor(x + 0.5),
    "half_down": lambda x: np.ceil(x - 0.5),
    "half_away": lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x),
    "half_odd": lambda x: np.where(x - np.floor(x) == 0.5, 2 * np.floor(np.floor(x) / 2) + 1, np.rint(x)),
    "half_zero": lambda x: np.copysign(np.ceil(np.abs(x) - 0.5), x),
    "floor": np.floor,
    "ceil": np.ceil,
    "zero": np.trunc,
    "away": lambda x: np.copysign(np.ceil(np.abs(x)), x),
}


@dataclass(frozen=True, eq=False)
class Quantize(Op):
    """clamp(round(x / scale + zero_point), lo, hi).

    `scale` (float64, each stands for the fraction `nc.ir.simplest.scale_of` gives; what meets a tie by fractions is a
    tie here too, so 5 * 0.03 / 0.1 is 1.5) and `zero_point` broadcast to the sample's shape; shape () for one
    a tensor. Where the model adds an odd zero point after rounding half to even (ONNX), that is "half_odd".
    `bipolar`: the result is +1 where x >= 0 and -1 elsewhere (scale is its meaning only).
    """

    scale: Array
    zero_point: Array
    lo: int
    hi: int
    rounding: str = "half_even"
    bipolar: bool = False

    name = "quantize"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        machine_only(self.name, operands[0])
        if self.rounding not in ROUNDINGS or not np.all(self.scale > 0) or not np.all(np.isfinite(self.scale)):
            fail(
                "NC205",
                f"quantize must have positive finite scales and a known rounding, not {self.rounding}",
                help=f"roundings: {', '.join(ROUNDINGS)}",
            )
        return TensorType(kind.shape, IntType(-1, 1, 2) if self.bipolar else IntType(self.lo, self.hi))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        if self.bipolar:
            return np.where(x >= 0, np.int64(1), np.int64(-1))
        scaled = x / self.scale.astype(x.dtype) + self.zero_point.astype(x.dtype)
        return np.clip(ROUNDINGS[self.rounding](_settled(scaled)), self.lo, self.hi).astype(np.int64)


def _settled(scaled: Array) -> Array:
    """Quotients within the error of float64 of half an integer as that number."""
    if scaled.dtype != np.float64:
        return scaled
    near = np.rint(scaled * 2) / 2
    with np.errstate(invalid="ignore"):  # infinities are clamped later
        return np.where(np.abs(scaled - near) <= TIE * np.maximum(1, np.abs(scaled)), near, scaled)
