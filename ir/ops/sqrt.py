"""sqrt: the square root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Sqrt(RealFunction):
    """the square root."""

    name = "sqrt"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.sqrt(x)

    def exact(self, x: Any) -> Any:
        return mp.sqrt(x)
