"""softplus: log(1 + exp(x))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Softplus(RealFunction):
    """log(1 + exp(x))."""

    name = "softplus"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.logaddexp(x, 0)

    def exact(self, x: Any) -> Any:
        return mp.log1p(mp.exp(x))
