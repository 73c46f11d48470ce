"""batch_norm: normalisation by stored statistics, a channel at a time (float stage)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.unary import machine_only
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class BatchNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the channels, axis 0 of the sample.

    The statistics are float64 arrays (C,) holding the model's float32 values.
    """

    scale: Array
    bias: Array
    mean: Array
    variance: Array
    epsilon: float

    name = "batch_norm"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        channels = kind.shape[0] if kind.shape else 0
        if any(a.shape != (channels,) for a in (self.scale, self.bias, self.mean, self.variance)):
            fail("NC205", f"statistics of batch_norm must have shape [{channels}], not {list(self.scale.shape)}")
        return TensorType(kind.shape, machine_only(self.name, operands[0]))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        shape = (1, -1, *(1,) * (x.ndim - 2))
        spread = np.sqrt(self.variance + self.epsilon)
        centred = x - self.mean.astype(x.dtype).reshape(shape)
        result: Array = centred * (self.scale / spread).astype(x.dtype).reshape(shape) + self.bias.astype(
            x.dtype
        ).reshape(shape)
        return result
