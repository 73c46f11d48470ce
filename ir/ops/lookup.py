"""lookup: neurons as truth tables over a few codes each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.table import Table
from nc.ir.ops.take import Take
from nc.ir.types import IntType, TensorType

if TYPE_CHECKING:
    from nc.ir.graph import Builder, Value

WIDEST = 20
"""Address bits of the widest table."""


@dataclass(frozen=True, eq=False)
class Lookup(Op):
    """result[j] = tables[j, sum of x.flat[indices[j, k]] << (bits * k)]; x holds codes 0 .. 2**bits - 1.

    `indices` int64 (neurons, fan_in), `tables` int64 (neurons, 2**(bits * fan_in)). One bit and two inputs: logic
    gates; one bit and six: weightless networks; more bits: LogicNets and its kin.
    """

    indices: Array
    tables: Array
    bits: int

    name = "lookup"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        neurons, fan_in = self.indices.shape
        if self.bits * fan_in > WIDEST or self.tables.shape != (neurons, 1 << self.bits * fan_in):
            fail("NC205", f"lookup must have {neurons} tables of 2**{self.bits * fan_in} entries, at most 2**{WIDEST}, "
                          f"not {list(self.tables.shape)}")  # fmt: skip
        if not kind.is_int or kind.int.lo < 0 or kind.int.hi >= 1 << self.bits:
            fail("NC205", f"the operand of lookup must hold codes 0..{(1 << self.bits) - 1}, not {kind.element}")
        if self.indices.size and not 0 <= self.indices.min() <= self.indices.max() < kind.size:
            fail("NC205", f"indices of lookup must lie in 0..{kind.size - 1}")
        return TensorType((neurons,), IntType(int(self.tables.min()), int(self.tables.max())))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0].reshape(len(operands[0]), -1)
        address = (x[:, self.indices] << self._places).sum(axis=2)
        result: Array = self.tables[np.arange(len(self.tables)), address]
        return result

    def decompose(self, build: Builder, *operands: Value) -> Value | None:
        """Gather, concatenate the codes, look up."""
        codes = build.add(Take(self.indices), operands[0])
        address = build.add(MatMul(), codes, build.constant(1 << self._places))
        return build.add(Table(self.tables, 0, 0), address)

    @property
    def _places(self) -> Array:
        return np.arange(self.indices.shape[1], dtype=np.int64) * self.bits
