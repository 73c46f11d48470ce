"""softsign: x / (1 + |x|)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class Softsign(RealFunction):
    """x / (1 + |x|)."""

    name = "softsign"
    monotone = 1

    def real(self, x: Array) -> Array:
        result: Array = x / (1 + np.abs(x))
        return result

    def exact(self, x: Any) -> Any:
        return x / (1 + abs(x))
