"""log: the natural logarithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Log(RealFunction):
    """the natural logarithm."""

    name = "log"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.log(x)

    def exact(self, x: Any) -> Any:
        return mp.log(x)
