"""thresholded_relu: x where x > alpha, 0 elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


@dataclass(frozen=True, eq=False)
class ThresholdedRelu(RealFunction):
    """x where x > alpha, 0 elsewhere. It falls at a negative alpha, hence is not called monotone."""

    alpha: float = 1.0

    name = "thresholded_relu"
    monotone = 0

    def real(self, x: Array) -> Array:
        return np.where(x > self.alpha, x, x.dtype.type(0))

    def exact(self, x: Any) -> Any:
        return x if x > mp.mpf(self.alpha) else mp.mpf(0)
