"""minimum: element-wise smaller of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape, elementwise_machine, int_range
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Minimum(Op):
    """min(a, b) with numpy broadcasting; NaN propagates."""

    name = "minimum"
    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        machine = elementwise_machine(self.name, *operands)
        if machine is not None:
            return TensorType(shape, machine)
        a, b = (o.type.int for o in operands)
        return TensorType(shape, int_range(self.name, [min(a.lo, b.lo), min(a.hi, b.hi)]))

    def evaluate(self, *operands: Array) -> Array:
        a, b = align(*operands)
        return np.minimum(a, b)
