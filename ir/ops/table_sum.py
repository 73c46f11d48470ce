"""table_sum: sums of one-dimensional tables, as Kolmogorov-Arnold networks have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand, int_range
from nc.ir.ops.reduce_sum import ReduceSum
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.table import Table
from nc.ir.ops.take import Take
from nc.ir.types import TensorType

if TYPE_CHECKING:
    from nc.ir.graph import Builder, Value


@dataclass(frozen=True, eq=False)
class TableSum(Op):
    """result[j] = sum over i of tables[j, i, x.flat[i] - lo]; `tables` int64 (outputs, inputs, span)."""

    tables: Array
    lo: int

    name = "table_sum"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        outputs, inputs, span = self.tables.shape
        covered = kind.is_int and self.lo <= kind.int.lo and kind.int.hi < self.lo + span
        if not covered or inputs != kind.size:
            fail("NC205", f"table_sum must have {kind.size} tables an output that cover {kind.element}, "
                          f"not {inputs} for {self.lo}..{self.lo + span - 1}")  # fmt: skip
        reached = self.tables[:, :, kind.int.lo - self.lo : kind.int.hi - self.lo + 1]
        ends = [int(reached.min(axis=2).sum(axis=1).min()), int(reached.max(axis=2).sum(axis=1).max())]
        return TensorType((outputs,), int_range(self.name, ends))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0].reshape(len(operands[0]), -1) - self.lo
        total = np.zeros((len(x), len(self.tables)), np.int64)
        for i in range(x.shape[1]):
            total += self.tables[:, i, :].T[x[:, i]]
        return total

    def decompose(self, build: Builder, *operands: Value) -> Value | None:
        """A copy of the inputs for each output, a table each, a sum."""
        outputs, inputs, span = self.tables.shape
        copies = build.add(Take(np.tile(np.arange(inputs), outputs)), operands[0])
        looked = build.add(Table(self.tables.reshape(outputs * inputs, span), self.lo, 0), copies)
        return build.add(ReduceSum((1,), False), build.add(Reshape((outputs, inputs)), looked))
