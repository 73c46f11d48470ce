"""max_pool: the largest value over sliding windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nc.ir.ops.base import Array, Op, Operand
from nc.ir.ops.reduce_max import ReduceMax
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.take import Take
from nc.ir.ops.windows import Window
from nc.ir.types import TensorType

if TYPE_CHECKING:
    from nc.ir.graph import Builder, Value


@dataclass(frozen=True, eq=False)
class MaxPool(Op):
    """The largest value of each window; padding never wins; x is (C, *spatial). `pads` as in ONNX."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]

    name = "max_pool"

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.strides, self.pads, self.dilations)

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        return TensorType((kind.shape[0], *self.window.output(kind.shape[1:], self.name)), kind.element)

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        least = -np.inf if x.dtype.kind == "f" else np.iinfo(np.int64).min
        view = self.window.view(self.window.pad(x, least))
        result: Array = view.max(axis=tuple(range(-len(self.kernel), 0)))
        return result

    def decompose(self, build: Builder, *operands: Value) -> Value | None:
        """Gather the windows, reduce each. A padded tap repeats a real tap of its window, which changes no maximum."""
        (x,) = operands
        shape = build.type(x).shape
        spatial = self.window.indices(shape[1:])
        real = np.take_along_axis(spatial, (spatial >= 0).argmax(axis=1)[:, None], axis=1)
        spatial = np.where(spatial < 0, real, spatial)
        planes = np.arange(shape[0])[:, None, None] * int(np.prod(shape[1:]))
        rows = build.add(Take(spatial[None] + planes), x)
        best = build.add(ReduceMax((2,), False), rows)
        return build.add(Reshape((shape[0], *self.window.output(shape[1:], self.name))), best)
