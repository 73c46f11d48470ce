"""state: the value of one time step ago, and an initial one: the only way to close a cycle."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class State(Op):
    """Its operand may be a later value; `initial` has the sample's shape. The interpreter keeps the value."""

    label: str
    kind: TensorType
    initial: Array

    name = "state"
    arity = None

    def infer_type(self, *operands: Operand) -> TensorType:
        return self.kind
