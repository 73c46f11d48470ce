"""pow: element-wise power of machine numbers (float stage only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.binary import MachineElementwise


@dataclass(frozen=True, eq=False)
class Pow(MachineElementwise):
    """a ** b; the result has the kind of a."""

    name = "pow"

    def real(self, a: Array, b: Array) -> Array:
        return np.power(a, b)

    def whole(self, a: Array, b: Array) -> Array:
        return np.power(a.astype(np.float64), b)
