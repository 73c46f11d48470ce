"""reciprocal: 1 / x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Reciprocal(RealFunction):
    """1 / x."""

    name = "reciprocal"
    monotone = 0

    def real(self, x: Array) -> Array:
        return 1 / x

    def exact(self, x: Any) -> Any:
        return 1 / x
