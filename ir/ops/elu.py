"""elu: x if x >= 0 else alpha * (exp(x) - 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Elu(RealFunction):
    """x if x >= 0 else alpha * (exp(x) - 1)."""

    alpha: float = 1.0

    name = "elu"

    @property
    def monotone(self) -> int:  # type: ignore[override]
        return int(self.alpha >= 0)

    def real(self, x: Array) -> Array:
        return np.where(x >= 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def exact(self, x: Any) -> Any:
        return x if x >= 0 else mp.mpf(self.alpha) * mp.expm1(x)
