"""erf: the error function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction, erf


@dataclass(frozen=True, eq=False)
class Erf(RealFunction):
    """the error function."""

    name = "erf"
    monotone = 1

    def real(self, x: Array) -> Array:
        return erf(x)

    def exact(self, x: Any) -> Any:
        return mp.erf(x)
