"""softmax: exp(x) / sum exp(x) along axes (float stage; an order-preserving head)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Softmax(Op):
    """exp(x) / sum exp(x) over `axes` of the sample together (one axis, or several where old models flatten)."""

    axes: tuple[int, ...]

    name = "softmax"

    def infer_type(self, *operands: Operand) -> TensorType:
        return TensorType(operands[0].type.shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        axes = tuple(a + 1 for a in self.axes)
        shifted = x - x.max(axis=axes, keepdims=True)
        powers = np.exp(shifted)
        result: Array = powers / powers.sum(axis=axes, keepdims=True)
        return result
