"""reduce_mean: the mean over some axes (float stage)."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array, Operand
from nc.ir.ops.reduce import Reduction
from nc.ir.ops.unary import machine_only
from nc.ir.types import RawType


@dataclass(frozen=True, eq=False)
class ReduceMean(Reduction):
    """The mean over the axes."""

    name = "reduce_mean"

    def element(self, operand: Operand) -> RawType:
        return machine_only(self.name, operand)

    def reduce(self, x: Array, axes: tuple[int, ...]) -> Array:
        result: Array = x.mean(axis=axes, keepdims=self.keepdims)
        return result
