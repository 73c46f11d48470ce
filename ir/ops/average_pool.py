"""average_pool: the mean over sliding windows (float stage)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.unary import machine_only
from nc.ir.ops.windows import Window
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class AveragePool(Op):
    """The mean of each window; x is (C, *spatial). `pads` as in ONNX.

    `counted` = pads of which the zeros count in the mean (all of `pads` for count_include_pad, none otherwise;
    the extra row that ceil_mode reads beyond the padding never counts).
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    counted: tuple[int, ...]

    name = "average_pool"

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.strides, self.pads, self.dilations)

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        return TensorType(
            (kind.shape[0], *self.window.output(kind.shape[1:], self.name)), machine_only(self.name, operands[0])
        )

    def counts(self, spatial: tuple[int, ...]) -> Array:
        """How many taps each window's mean counts, shape (*output,)."""
        rank = len(self.kernel)
        ones = np.ones(spatial, np.int64)
        real = Window(self.kernel, self.strides, self.counted, self.dilations).pad(ones, 1)
        beyond = tuple(p - c for p, c in zip(self.pads, self.counted, strict=True))
        padded = Window(self.kernel, self.strides, beyond, self.dilations).pad(real, 0)
        result: Array = self.window.view(padded).sum(axis=tuple(range(-rank, 0)))
        return result

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        view = self.window.view(self.window.pad(x, 0))
        result: Array = view.sum(axis=tuple(range(-len(self.kernel), 0))) / self.counts(x.shape[2:]).astype(x.dtype)
        return result
