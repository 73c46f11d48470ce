"""dequantize: integers to the real numbers they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import F32, TensorType


@dataclass(frozen=True, eq=False)
class Dequantize(Op):
    """(q - zero_point) * scale; both broadcast to the sample's shape, shape () for one a tensor."""

    scale: Array
    zero_point: Array

    name = "dequantize"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not kind.is_int:
            fail("NC202", f"the operand of dequantize must be an exact integer, not {kind.element}")
        return TensorType(kind.shape, F32)

    def evaluate(self, *operands: Array) -> Array:
        return (operands[0] - self.zero_point).astype(np.float64) * self.scale
