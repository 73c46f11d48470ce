"""reshape: the same elements in row-major order under another shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Reshape(Op):
    """`shape` of one sample, fully known."""

    shape: tuple[int, ...]

    name = "reshape"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if int(np.prod(self.shape)) != kind.size:
            fail(
                "NC205",
                f"reshape must keep the {kind.size} elements of {list(kind.shape)}, not make {list(self.shape)}",
                help="the batch axis is not part of the shape",
            )
        return TensorType(self.shape, kind.element)

    def evaluate(self, *operands: Array) -> Array:
        return operands[0].reshape(operands[0].shape[0], *self.shape)
