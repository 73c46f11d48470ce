"""constant: data fixed at compile time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import InternalError
from nc.ir.ops.base import Array, Op, Operand, frozen
from nc.ir.types import BIPOLAR, BOOL, F32, I64, IntType, TensorType


@dataclass(frozen=True, eq=False)
class Constant(Op):
    """`value` has the shape of a sample (no batch axis); integers as int64, floats as float64."""

    value: Array
    kind: TensorType

    name = "constant"
    arity = 0

    @classmethod
    def of(cls, data: Any, kind: TensorType | None = None) -> Constant:
        """Wrap data. Without `kind`: integer arrays get their exact range, floats are f32, booleans bool."""
        array = np.asarray(data)
        if kind is None:
            kind = TensorType(array.shape, _element(array))
        dtype = np.float64 if kind.element == F32 else np.bool_ if kind.element == BOOL else np.int64
        return cls(frozen(array, dtype), kind)

    def infer_type(self, *operands: Operand) -> TensorType:
        if self.value.shape != self.kind.shape:
            raise InternalError(f"constant of shape {self.value.shape} declared as {self.kind}")
        return self.kind

    def evaluate(self, *operands: Array) -> Array:
        return self.value[None]


def _element(array: Array) -> Any:
    if array.dtype.kind == "f":
        return F32
    if array.dtype.kind == "b":
        return BOOL
    if array.size == 0:
        return I64
    lo, hi = int(array.min()), int(array.max())
    if (lo, hi) == (-1, 1) and not np.any(array == 0):
        return BIPOLAR
    return IntType(lo, hi)
