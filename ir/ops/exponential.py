"""What softmax and its logarithm share: real numbers over the same axes, moved so that no exponential overflows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Exponential(Op):
    """Base of both, over `axes` of the sample together (one axis, or several where old models flatten)."""

    axes: tuple[int, ...]

    def infer_type(self, *operands: Operand) -> TensorType:
        return TensorType(operands[0].type.shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        axes = tuple(a + 1 for a in self.axes)
        return self.of(x - x.max(axis=axes, keepdims=True), axes)

    @abstractmethod
    def of(self, x: Array, axes: tuple[int, ...]) -> Array:
        """The function over `axes`, counted with the sample axis, of values of which the largest is 0."""
