"""argmax: the index of the largest value; ties go to the lowest index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, normal_axis
from nc.ir.ops.reduce import reduced_shape
from nc.ir.types import I64, IntType, TensorType


@dataclass(frozen=True, eq=False)
class ArgMax(Op):
    """Index along `axis` of the sample. `last`: ties go to the highest index instead (ONNX select_last_index)."""

    axis: int
    keepdims: bool
    last: bool = False

    name = "argmax"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        axis = normal_axis(self.axis, kind.rank, self.name)
        shape = reduced_shape(self.name, kind.shape, (axis,), self.keepdims)
        return TensorType(shape, IntType(0, kind.shape[axis] - 1) if kind.is_int else I64)

    def evaluate(self, *operands: Array) -> Array:
        x, axis = operands[0], self.axis + 1
        index = np.flip(x, axis).argmax(axis=axis) if self.last else x.argmax(axis=axis)
        if self.last:
            index = x.shape[axis] - 1 - index
        return np.expand_dims(index, axis) if self.keepdims else index
