"""prelu: a rectifier with a slope tensor for negative inputs (float stage)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class PRelu(Op):
    """x if x >= 0 else slope * x; the slope broadcasts to x."""

    name = "prelu"
    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        return TensorType(broadcast_shape(self.name, *operands), machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        x, slope = align(*operands)
        return np.where(x >= 0, x, slope * x)
