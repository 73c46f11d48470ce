"""hard_sigmoid: clip(alpha * x + beta, 0, 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class HardSigmoid(RealFunction):
    """clip(alpha * x + beta, 0, 1)."""

    alpha: float = 0.2
    beta: float = 0.5

    name = "hard_sigmoid"

    @property
    def monotone(self) -> int:  # type: ignore[override]
        return 1 if self.alpha >= 0 else -1

    def real(self, x: Array) -> Array:
        return np.clip(self.alpha * x + self.beta, 0, 1)

    def exact(self, x: Any) -> Any:
        return min(max(mp.mpf(self.alpha) * x + mp.mpf(self.beta), mp.mpf(0)), mp.mpf(1))
