"""sum_pool: the sum over sliding windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nc.ir.ops.base import Array, Op, Operand, int_range
from nc.ir.ops.reduce_sum import ReduceSum
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.take import Take
from nc.ir.ops.windows import Window
from nc.ir.types import TensorType

if TYPE_CHECKING:
    from nc.ir.graph import Builder, Value


@dataclass(frozen=True, eq=False)
class SumPool(Op):
    """The sum of each window, padding counts as zero; x is (C, *spatial). `pads` as in ONNX."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]

    name = "sum_pool"

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.strides, self.pads, self.dilations)

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        shape = (kind.shape[0], *self.window.output(kind.shape[1:], self.name))
        if not kind.is_int:
            return TensorType(shape, kind.element)
        taps = int(np.prod(self.kernel))
        few = 0 if any(self.pads) else taps
        corners = [count * bound for count in (few, taps) for bound in (kind.int.lo, kind.int.hi)]
        return TensorType(shape, int_range(self.name, corners))

    def evaluate(self, *operands: Array) -> Array:
        view = self.window.view(self.window.pad(operands[0], 0))
        result: Array = view.sum(axis=tuple(range(-len(self.kernel), 0)))
        return result

    def decompose(self, build: Builder, *operands: Value) -> Value | None:
        """Gather the windows, add up each."""
        (x,) = operands
        shape = build.type(x).shape
        spatial = self.window.indices(shape[1:])
        planes = np.arange(shape[0])[:, None, None] * int(np.prod(shape[1:]))
        rows = build.add(Take(np.where(spatial[None] < 0, -1, spatial[None] + planes)), x)
        total = build.add(ReduceSum((2,), False), rows)
        return build.add(Reshape((shape[0], *self.window.output(shape[1:], self.name))), total)
