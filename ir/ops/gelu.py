"""gelu: x * Phi(x), or its tanh form when approximate is "tanh"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction, erf


@dataclass(frozen=True, eq=False)
class Gelu(RealFunction):
    """x * Phi(x), or its tanh form when approximate is "tanh"."""

    approximate: str = "none"

    name = "gelu"
    monotone = 0

    def real(self, x: Array) -> Array:
        if self.approximate == "tanh":
            cumulative: Array = (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
        else:
            cumulative = (1 + erf(x / np.sqrt(2.0))) / 2
        result: Array = x * cumulative
        return result

    def exact(self, x: Any) -> Any:
        if self.approximate == "tanh":
            inner = mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)
            return x * (1 + mp.tanh(inner)) / 2
        return x * mp.ncdf(x)
