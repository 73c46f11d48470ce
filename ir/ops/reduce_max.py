"""reduce_max: the largest value over some axes."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array
from nc.ir.ops.reduce import Reduction


@dataclass(frozen=True, eq=False)
class ReduceMax(Reduction):
    """The largest value over the axes."""

    name = "reduce_max"

    def reduce(self, x: Array, axes: tuple[int, ...]) -> Array:
        result: Array = x.max(axis=axes, keepdims=self.keepdims)
        return result
