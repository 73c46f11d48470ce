"""clip: clamp to an interval, on floats and on exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.ops.base import Array, Operand
from nc.ir.ops.unary import RealFunction
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class Clip(RealFunction):
    """min(max(x, lo), hi); the bounds may be infinite for floats."""

    lo: float
    hi: float

    name = "clip"
    monotone = 1

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not kind.is_int:
            return TensorType(kind.shape, kind.element)
        lo, hi = int(self.lo), int(self.hi)
        return TensorType(kind.shape, IntType(min(max(kind.int.lo, lo), hi), min(max(kind.int.hi, lo), hi)))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        if x.dtype.kind == "i":
            lo: Any = -(2**63) if self.lo == -np.inf else int(self.lo)
            hi: Any = 2**63 - 1 if self.hi == np.inf else int(self.hi)
        else:
            lo, hi = x.dtype.type(self.lo), x.dtype.type(self.hi)
        result: Array = np.minimum(np.maximum(x, lo), hi)
        return result

    def exact(self, x: Any) -> Any:
        return min(max(x, self.lo), self.hi)
