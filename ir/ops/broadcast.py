"""broadcast: repeat along axes of extent 1 (ONNX Expand)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand, align
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Broadcast(Op):
    """To `shape` of one sample, by numpy's rule."""

    shape: tuple[int, ...]

    name = "broadcast"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        try:
            fits = np.broadcast_shapes(kind.shape, self.shape) == self.shape
        except ValueError:
            fits = False
        if not fits:
            fail("NC201", f"a tensor of shape {list(kind.shape)} must broadcast to {list(self.shape)}")
        return TensorType(self.shape, kind.element)

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        (lined, _) = align(x, np.empty((1, *(1,) * len(self.shape)), x.dtype))
        return np.broadcast_to(lined, (x.shape[0], *self.shape))
