"""table: any function of a small integer, written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class Table(Op):
    """entries[c, x - lo]; c is the index along `axis`, one row serves all channels. `entries` int64 (C, span)."""

    entries: Array
    lo: int
    axis: int = 0

    name = "table"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        channels = kind.shape[self.axis] if kind.shape else 1
        covered = kind.is_int and self.lo <= kind.int.lo and kind.int.hi < self.lo + self.entries.shape[1]
        if not covered or self.entries.shape[0] not in (1, channels):
            fail(
                "NC205",
                f"table must have 1 or {channels} rows that cover {kind.element}, "
                f"not {self.entries.shape[0]} rows for {self.lo}..{self.lo + self.entries.shape[1] - 1}",
            )
        reached = self.entries[:, kind.int.lo - self.lo : kind.int.hi - self.lo + 1 : kind.int.step]
        return TensorType(kind.shape, IntType(int(reached.min()), int(reached.max())))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        shape = (1, *(-1 if a == self.axis else 1 for a in range(x.ndim - 1)))
        one = self.entries.shape[0] == 1 or x.ndim == 1
        row = 0 if one else np.arange(len(self.entries)).reshape(shape)
        result: Array = self.entries[row, x - self.lo]
        return result
