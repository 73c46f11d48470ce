"""relu: max(x, 0), on floats and on exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.ops.base import Array, Operand
from nc.ir.ops.unary import RealFunction
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class Relu(RealFunction):
    """max(x, 0)."""

    name = "relu"
    monotone = 1

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not kind.is_int:
            return TensorType(kind.shape, kind.element)
        return TensorType(kind.shape, IntType(max(kind.int.lo, 0), max(kind.int.hi, 0)))

    def evaluate(self, *operands: Array) -> Array:
        return np.maximum(operands[0], 0)

    def exact(self, x: Any) -> Any:
        return x if x > 0 else x * 0
