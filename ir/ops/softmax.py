"""softmax: exp(x) / sum exp(x) along axes (float stage; an order-preserving head)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.exponential import Exponential


@dataclass(frozen=True, eq=False)
class Softmax(Exponential):
    """exp(x) / sum exp(x)."""

    name = "softmax"

    def of(self, x: Array, axes: tuple[int, ...]) -> Array:
        powers = np.exp(x)
        result: Array = powers / powers.sum(axis=axes, keepdims=True)
        return result
