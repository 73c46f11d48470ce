"""floor: the largest integer not above x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Floor(RealFunction):
    """the largest integer not above x."""

    name = "floor"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.floor(x)

    def exact(self, x: Any) -> Any:
        return mp.floor(x)
