"""sigmoid: 1 / (1 + exp(-x))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Sigmoid(RealFunction):
    """1 / (1 + exp(-x))."""

    name = "sigmoid"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))

    def exact(self, x: Any) -> Any:
        return 1 / (1 + mp.exp(-x))
