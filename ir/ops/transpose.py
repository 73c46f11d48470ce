"""transpose: a permutation of the sample's axes."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Transpose(Op):
    """Axis i of the result is axis perm[i] of the operand (batch axis not counted)."""

    perm: tuple[int, ...]

    name = "transpose"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if sorted(self.perm) != list(range(kind.rank)):
            fail("NC205", f"transpose must permute axes 0..{kind.rank - 1}, not {list(self.perm)}")
        return TensorType(tuple(kind.shape[a] for a in self.perm), kind.element)

    def evaluate(self, *operands: Array) -> Array:
        return operands[0].transpose(0, *(a + 1 for a in self.perm))
