"""hard_swish: x * clip(x / 6 + 1/2, 0, 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class HardSwish(RealFunction):
    """x * clip(x / 6 + 1/2, 0, 1)."""

    name = "hard_swish"
    monotone = 0

    def real(self, x: Array) -> Array:
        return x * np.clip(x / 6 + 0.5, 0, 1)

    def exact(self, x: Any) -> Any:
        return x * min(max(x / 6 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1))
