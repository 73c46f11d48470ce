"""concat: tensors joined along an axis of the sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand, elementwise_machine, int_range
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """All operands agree in every other extent; the result's range covers all."""

    axis: int

    name = "concat"
    arity = None

    def infer_type(self, *operands: Operand) -> TensorType:
        shapes = [o.type.shape for o in operands]
        others = {s[: self.axis] + s[self.axis + 1 :] for s in shapes}
        if len({len(s) for s in shapes}) != 1 or len(others) != 1 or not 0 <= self.axis < len(shapes[0]):
            fail("NC205", f"operands of concat must agree but for axis {self.axis}, not {[list(s) for s in shapes]}")
        shape = list(shapes[0])
        shape[self.axis] = sum(s[self.axis] for s in shapes)
        machine = elementwise_machine(self.name, *operands)
        if machine is not None:
            return TensorType(tuple(shape), machine)
        kinds = [o.type.int for o in operands]
        if len(set(kinds)) == 1:
            return TensorType(tuple(shape), kinds[0])
        return TensorType(tuple(shape), int_range(self.name, [b for k in kinds for b in (k.lo, k.hi)]))

    def evaluate(self, *operands: Array) -> Array:
        batch = max(a.shape[0] for a in operands)
        full = [np.broadcast_to(a, (batch, *a.shape[1:])) for a in operands]
        return np.concatenate(full, axis=self.axis + 1)
