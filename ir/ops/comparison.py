"""What the comparisons share: a truth value an element, 0 or 1 for exact integers, bool for machine numbers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape, elementwise_machine
from nc.ir.types import BIT, BOOL, TensorType


@dataclass(frozen=True, eq=False)
class Comparison(Op):
    """Base of the element-wise comparisons of two tensors of one kind; shapes broadcast."""

    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        machine = elementwise_machine(self.name, *operands)
        return TensorType(shape, BIT if machine is None else BOOL)

    def evaluate(self, *operands: Array) -> Array:
        a, b = align(*operands)
        result = self.relation(a, b)
        return result.astype(np.int64) if a.dtype.kind == "i" and b.dtype.kind == "i" else result

    @abstractmethod
    def relation(self, a: Array, b: Array) -> Array:
        """Which elements of two arrays of one shape and kind are so related: bool."""
