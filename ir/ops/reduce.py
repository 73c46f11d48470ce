"""What the reductions have in common: the shape that is left, and the axes that go."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from nc.ir.ops.base import Array, Op, Operand, normal_axis
from nc.ir.types import Element, TensorType


def reduced_shape(name: str, shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The sample's shape after reducing `axes`. Raises NC204."""
    gone = {normal_axis(a, len(shape), name) for a in axes}
    kept = [(1 if a in gone else extent) for a, extent in enumerate(shape) if keepdims or a not in gone]
    return tuple(kept)


@dataclass(frozen=True, eq=False)
class Reduction(Op):
    """Base of the reductions over `axes` of the sample (non-negative), which stay as extents of 1 when `keepdims`."""

    axes: tuple[int, ...]
    keepdims: bool

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = reduced_shape(self.name, operands[0].type.shape, self.axes, self.keepdims)
        return TensorType(shape, self.element(operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        return self.reduce(operands[0], tuple(a + 1 for a in self.axes))

    def element(self, operand: Operand) -> Element:
        """The kind of the result: that of the operand, unless a reduction says otherwise."""
        return operand.type.element

    @abstractmethod
    def reduce(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Reduce (N, *shape) over `axes`, counted with the sample axis."""
