"""select: element-wise choice between two values by a condition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape, elementwise_machine, int_range
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Select(Op):
    """condition != 0 ? a : b, with numpy broadcasting of all three."""

    name = "select"
    arity = 3

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        machine = elementwise_machine(self.name, *operands[1:])
        if machine is not None:
            return TensorType(shape, machine)
        a, b = (o.type.int for o in operands[1:])
        return TensorType(shape, a if a == b else int_range(self.name, [a.lo, b.lo, a.hi, b.hi]))

    def evaluate(self, *operands: Array) -> Array:
        condition, a, b = align(*operands)
        return np.where(condition != 0, a, b)
