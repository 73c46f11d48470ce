"""take: rewiring: each element of the result is one element of the operand, or zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class Take(Op):
    """result[i] = x.flat[indices[i]], and `value` where the index is -1. The result has the shape of `indices`."""

    indices: Array
    value: float = 0.0

    name = "take"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if self.indices.size and not -1 <= self.indices.min() <= self.indices.max() < kind.size:
            fail("NC205", f"indices of take must lie in -1..{kind.size - 1}")
        element = kind.element
        if isinstance(element, IntType) and np.any(self.indices < 0):
            element = IntType(min(element.lo, int(self.value)), max(element.hi, int(self.value)))
        return TensorType(self.indices.shape, element)

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        flat = x.reshape(x.shape[0], -1)
        taken = flat[:, self.indices.ravel()].reshape(x.shape[0], *self.indices.shape)
        return np.where(self.indices < 0, x.dtype.type(self.value), taken) if np.any(self.indices < 0) else taken
