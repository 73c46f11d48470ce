"""add: element-wise sum."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape, elementwise_machine, int_range
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Add(Op):
    """a + b with numpy broadcasting over the sample axes."""

    name = "add"
    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        machine = elementwise_machine(self.name, *operands)
        if machine is not None:
            return TensorType(shape, machine)
        a, b = (o.type.int for o in operands)
        return TensorType(shape, int_range(self.name, [a.lo + b.lo, a.hi + b.hi]))

    def evaluate(self, *operands: Array) -> Array:
        a, b = align(*operands)
        return a + b
