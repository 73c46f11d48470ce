"""div: element-wise quotient of machine numbers (float stage only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, align, broadcast_shape
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Div(Op):
    """a / b; on integers truncating toward zero, as ONNX has it."""

    name = "div"
    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        shape = broadcast_shape(self.name, *operands)
        return TensorType(shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        a, b = align(*operands)
        with np.errstate(all="ignore"):
            if a.dtype.kind in "iu":
                return np.trunc(a / b).astype(a.dtype)
            return a / b
