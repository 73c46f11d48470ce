"""greater_equal: element-wise comparison."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Array
from nc.ir.ops.comparison import Comparison


@dataclass(frozen=True, eq=False)
class GreaterEqual(Comparison):
    """a >= b: 0 or 1 for exact integers, bool for machine numbers."""

    name = "greater_equal"

    def relation(self, a: Array, b: Array) -> Array:
        result: Array = a >= b
        return result
