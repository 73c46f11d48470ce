"""abs: the magnitude, on machine numbers and on exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.ops.base import Array, Operand, int_range
from nc.ir.ops.unary import RealFunction
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Abs(RealFunction):
    """the magnitude of x."""

    name = "abs"
    monotone = 0

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not kind.is_int:
            return TensorType(kind.shape, kind.element)
        a = kind.int
        return TensorType(
            kind.shape, int_range(self.name, [abs(a.lo), abs(a.hi), 0 if a.lo <= 0 <= a.hi else abs(a.lo)])
        )

    def evaluate(self, *operands: Array) -> Array:
        return np.abs(operands[0])

    def exact(self, x: Any) -> Any:
        return abs(x)
