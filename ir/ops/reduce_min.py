"""reduce_min: the smallest value over some axes."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array
from nc.ir.ops.reduce import Reduction


@dataclass(frozen=True, eq=False)
class ReduceMin(Reduction):
    """The smallest value over the axes."""

    name = "reduce_min"

    def reduce(self, x: Array, axes: tuple[int, ...]) -> Array:
        result: Array = x.min(axis=axes, keepdims=self.keepdims)
        return result
