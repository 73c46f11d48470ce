"""round: the nearest integer, ties to even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Round(RealFunction):
    """the nearest integer, ties to even."""

    name = "round"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.round(x)

    def exact(self, x: Any) -> Any:
        return mp.nint(x)
