"""exp: e to the power x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Exp(RealFunction):
    """e to the power x."""

    name = "exp"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.exp(x)

    def exact(self, x: Any) -> Any:
        return mp.exp(x)
