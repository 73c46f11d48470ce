"""reduce_mean: the mean over some axes (float stage)."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.reduce import reduced_shape
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class ReduceMean(Op):
    """The mean over `axes` of the sample (non-negative), which stay as extents of 1 when `keepdims`."""

    axes: tuple[int, ...]
    keepdims: bool

    name = "reduce_mean"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        shape = reduced_shape(self.name, kind.shape, self.axes, self.keepdims)
        return TensorType(shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        axes = tuple(a + 1 for a in self.axes)
        result: Array = operands[0].mean(axis=axes, keepdims=self.keepdims)
        return result
