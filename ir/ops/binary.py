"""What the element-wise functions of two operands share: shapes broadcast, and both are of one kind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape, elementwise_machine, int_range
from nc.ir.ops.unary import machine_only
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class Elementwise(Op):
    """Base of the functions of two operands, on exact integers as on machine numbers."""

    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        machine = elementwise_machine(self.name, *operands)
        if machine is not None:
            return TensorType(shape, machine)
        a, b = (o.type.int for o in operands)
        return TensorType(shape, int_range(self.name, self.corners(a, b)))

    def evaluate(self, *operands: Array) -> Array:
        return self.function(*align(*operands))

    @abstractmethod
    def function(self, a: Array, b: Array) -> Array:
        """The function of two arrays with the same number of axes."""

    @abstractmethod
    def corners(self, a: IntType, b: IntType) -> Sequence[int]:
        """Values whose hull holds every result of two integers in these ranges."""


@dataclass(frozen=True, eq=False)
class MachineElementwise(Op):
    """Base of the functions of two machine numbers (float stage); the result has the kind of the first."""

    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        return TensorType(shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        a, b = align(*operands)
        with np.errstate(all="ignore"):
            return self.whole(a, b).astype(a.dtype) if a.dtype.kind in "iu" else self.real(a, b)

    @abstractmethod
    def real(self, a: Array, b: Array) -> Array:
        """The function of floats."""

    @abstractmethod
    def whole(self, a: Array, b: Array) -> Array:
        """The function of whole numbers, before it is brought to their kind."""
