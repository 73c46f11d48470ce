"""log_softmax: x - log sum exp(x) along axes (float stage; an order-preserving head)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.exponential import Exponential


@dataclass(frozen=True, eq=False)
class LogSoftmax(Exponential):
    """x - log sum exp(x)."""

    name = "log_softmax"

    def of(self, x: Array, axes: tuple[int, ...]) -> Array:
        result: Array = x - np.log(np.exp(x).sum(axis=axes, keepdims=True))
        return result
