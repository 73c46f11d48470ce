"""sign: -1, 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Sign(RealFunction):
    """-1, 0 or 1."""

    name = "sign"
    monotone = 1

    def real(self, x: Array) -> Array:
        return np.sign(x)

    def exact(self, x: Any) -> Any:
        return mp.sign(x)
