"""pow: element-wise power of machine numbers (float stage only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Pow(Op):
    """a ** b; the result has the kind of a."""

    name = "pow"
    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        return TensorType(shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        a, b = align(*operands)
        with np.errstate(all="ignore"):
            if a.dtype.kind in "iu":
                return np.power(a.astype(np.float64), b).astype(a.dtype)
            return np.power(a, b)
