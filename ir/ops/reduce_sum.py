"""reduce_sum: the sum over some axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, int_range
from nc.ir.ops.reduce import reduced_shape
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class ReduceSum(Op):
    """The sum over `axes` of the sample (non-negative), which stay as extents of 1 when `keepdims`."""

    axes: tuple[int, ...]
    keepdims: bool

    name = "reduce_sum"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        shape = reduced_shape(self.name, kind.shape, self.axes, self.keepdims)
        if not kind.is_int:
            return TensorType(shape, kind.element)
        count = int(np.prod([kind.shape[a] for a in self.axes]))
        return TensorType(shape, int_range(self.name, [count * kind.int.lo, count * kind.int.hi]))

    def evaluate(self, *operands: Array) -> Array:
        axes = tuple(a + 1 for a in self.axes)
        result: Array = operands[0].sum(axis=axes, keepdims=self.keepdims)
        return result
