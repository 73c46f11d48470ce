"""maximum: element-wise larger of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.binary import Elementwise
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class Maximum(Elementwise):
    """max(a, b) with numpy broadcasting; NaN propagates."""

    name = "maximum"

    def function(self, a: Array, b: Array) -> Array:
        return np.maximum(a, b)

    def corners(self, a: IntType, b: IntType) -> Sequence[int]:
        return (max(a.lo, b.lo), max(a.hi, b.hi))
