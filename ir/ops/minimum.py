"""minimum: element-wise smaller of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.binary import Elementwise
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class Minimum(Elementwise):
    """min(a, b) with numpy broadcasting; NaN propagates."""

    name = "minimum"

    def function(self, a: Array, b: Array) -> Array:
        return np.minimum(a, b)

    def corners(self, a: IntType, b: IntType) -> Sequence[int]:
        return (min(a.lo, b.lo), min(a.hi, b.hi))
