"""gather: constant indices along one axis."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Gather(Op):
    """numpy.take(x, indices, axis) on the sample's axes; `indices` are non-negative and of any shape."""

    indices: Array
    axis: int

    name = "gather"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        extent = kind.shape[self.axis]
        if self.indices.size and not 0 <= self.indices.min() <= self.indices.max() < extent:
            fail("NC205", f"indices of gather must lie in 0..{extent - 1}")
        return TensorType((*kind.shape[: self.axis], *self.indices.shape, *kind.shape[self.axis + 1 :]), kind.element)

    def evaluate(self, *operands: Array) -> Array:
        return operands[0].take(self.indices, axis=self.axis + 1)
