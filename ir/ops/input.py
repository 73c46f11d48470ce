"""input: a tensor from outside, with its declared type."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Op, Operand
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Input(Op):
    """`label` names the port; `kind` is its type (shape of one sample)."""

    label: str
    kind: TensorType

    name = "input"
    arity = 0

    def infer_type(self, *operands: Operand) -> TensorType:
        return self.kind
