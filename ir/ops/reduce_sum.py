"""reduce_sum: the sum over some axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nc.ir.ops.base import Array, Operand, int_range
from nc.ir.ops.reduce import Reduction
from nc.ir.types import Element


@dataclass(frozen=True, eq=False)
class ReduceSum(Reduction):
    """The sum over the axes."""

    name = "reduce_sum"

    def element(self, operand: Operand) -> Element:
        kind = operand.type
        if not kind.is_int:
            return kind.element
        count = math.prod(kind.shape[a] for a in self.axes)
        return int_range(self.name, [count * kind.int.lo, count * kind.int.hi])

    def reduce(self, x: Array, axes: tuple[int, ...]) -> Array:
        result: Array = x.sum(axis=axes, keepdims=self.keepdims)
        return result
