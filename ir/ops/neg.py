"""neg: the negative, on machine numbers and on exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nc.ir.ops.base import Array, Operand, int_range
from nc.ir.ops.unary import RealFunction
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Neg(RealFunction):
    """the negative of x."""

    name = "neg"
    monotone = -1

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not kind.is_int:
            return TensorType(kind.shape, kind.element)
        a = kind.int
        return TensorType(kind.shape, int_range(self.name, [-a.lo, -a.hi]))

    def evaluate(self, *operands: Array) -> Array:
        return -operands[0]

    def exact(self, x: Any) -> Any:
        return -x
