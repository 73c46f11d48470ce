"""The two kinds of element-wise functions of one value: smooth ones of real numbers, and exact ones.

A smooth function of a quantised value becomes a table; its entries must be right to the last bit, so each names its
arbitrary-precision form (`exact`, on mpmath numbers) beside the fast one (`real`, on numpy arrays).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import InternalError, fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import F32, RawType, TensorType


def machine_only(name: str, operand: Operand) -> RawType:
    """The operand's machine element. Raises NC202 for exact integers."""
    element = operand.type.element
    if not isinstance(element, RawType):
        fail(
            "NC202",
            f"the operand of {name} must be a machine number, not {element}",
            help="only the float stage has this operation; 'integerize' turns it into a table",
        )
    return element


@dataclass(frozen=True, eq=False)
class RealFunction(Op):
    """Base of element-wise real functions (float stage). `monotone`: +1 rising, -1 falling, 0 neither, in the
    sense of not strictly; a monotone function of an accumulator needs no table, only thresholds."""

    monotone = 0

    def infer_type(self, *operands: Operand) -> TensorType:
        machine_only(self.name, operands[0])
        return TensorType(operands[0].type.shape, F32)

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        with np.errstate(all="ignore"):
            return self.real(x if x.dtype.kind == "f" else x.astype(np.float64))

    def real(self, x: Array) -> Array:
        """The function on float arrays."""
        raise InternalError(f"{self.name} has no real form")

    def exact(self, x: Any) -> Any:
        """The function on an mpmath number, at mpmath's working precision."""
        raise InternalError(f"{self.name} has no exact form")


_erf: Callable[[Any], Any] = np.frompyfunc(__import__("math").erf, 1, 1)


def erf(x: Array) -> Array:
    """The error function on arrays (numpy has none)."""
    return np.asarray(_erf(x), dtype=x.dtype)
