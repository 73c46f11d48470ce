"""ceil: the smallest integer not below x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Ceil(RealFunction):
    """the smallest integer not below x."""

    name = "ceil"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.ceil(x)

    def exact(self, x: Any) -> Any:
        return mp.ceil(x)
