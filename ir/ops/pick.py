"""pick: the entry of a short list that a computed index names, such as the label of a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import I64, TensorType


@dataclass(frozen=True, eq=False)
class Pick(Op):
    """entries[x], x whole numbers 0 .. len(entries) - 1 or truth values. `entries` int64 (n,)."""

    entries: Array

    name = "pick"

    def infer_type(self, *operands: Operand) -> TensorType:
        if self.entries.ndim != 1 or not self.entries.size or self.entries.dtype.kind != "i":
            fail("NC205", "entries of pick must be a list of integers")
        return TensorType(operands[0].type.shape, I64)

    def evaluate(self, *operands: Array) -> Array:
        index = np.rint(operands[0]).astype(np.int64)
        picked: Array = self.entries[np.clip(index, 0, len(self.entries) - 1)]
        return picked
