"""cast: between machine elements (float stage only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.unary import machine_only
from nc.ir.types import BOOL, I64, RawType, TensorType


@dataclass(frozen=True, eq=False)
class Cast(Op):
    """To 'f32', 'i64' (truncating) or 'bool' (non-zero)."""

    to: str

    name = "cast"

    def infer_type(self, *operands: Operand) -> TensorType:
        machine_only(self.name, operands[0])
        return TensorType(operands[0].type.shape, RawType(self.to))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        if self.to == BOOL.name:
            return np.asarray(x != 0)
        if self.to == I64.name:
            return np.trunc(x).astype(np.int64) if x.dtype.kind == "f" else x.astype(np.int64)
        return x if x.dtype.kind == "f" else x.astype(np.float64)
