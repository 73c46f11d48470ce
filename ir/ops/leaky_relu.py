"""leaky_relu: x if x >= 0 else alpha * x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class LeakyRelu(RealFunction):
    """x if x >= 0 else alpha * x."""

    alpha: float = 0.01

    name = "leaky_relu"

    @property
    def monotone(self) -> int:  # type: ignore[override]
        return int(self.alpha >= 0)

    def real(self, x: Array) -> Array:
        return np.where(x >= 0, x, self.alpha * x)

    def exact(self, x: Any) -> Any:
        return x if x >= 0 else mp.mpf(self.alpha) * x
