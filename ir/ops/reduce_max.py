"""reduce_max: the largest value over some axes."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.reduce import reduced_shape
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class ReduceMax(Op):
    """The largest value over `axes` of the sample (non-negative), which stay as extents of 1 when `keepdims`."""

    axes: tuple[int, ...]
    keepdims: bool

    name = "reduce_max"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        shape = reduced_shape(self.name, kind.shape, self.axes, self.keepdims)
        return TensorType(shape, kind.element)

    def evaluate(self, *operands: Array) -> Array:
        axes = tuple(a + 1 for a in self.axes)
        result: Array = operands[0].max(axis=axes, keepdims=self.keepdims)
        return result
