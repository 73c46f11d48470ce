"""multi_threshold: a staircase: how many thresholds the input reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class MultiThreshold(Op):
    """base + step * #{k : x >= thresholds[c, k]}; c is the index along `axis` of the sample.

    `thresholds` (C, K), ascending along K; one row serves all channels. On exact integers the thresholds are int64;
    a threshold above the input's range is never reached. `sign` -1 counts x <= threshold instead (descending steps
    of a falling function), per channel: shape (C,) or (1,).
    """

    thresholds: Array
    sign: Array
    axis: int
    base: int = 0
    step: int = 1

    name = "multi_threshold"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        rows = self.thresholds.shape[0] if self.thresholds.ndim == 2 else 0
        channels = kind.shape[self.axis] if kind.shape else 1
        if rows not in (1, channels) or self.sign.shape not in ((1,), (rows,)):
            fail(
                "NC205",
                f"multi_threshold must have 1 or {channels} rows of thresholds, not {list(self.thresholds.shape)}",
            )
        top = self.base + self.step * self.thresholds.shape[1]
        return TensorType(kind.shape, IntType(min(self.base, top), max(self.base, top), abs(self.step) or 1))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        levels = self.thresholds.shape[1]
        if x.ndim == 1:
            return self._row(x, 0, levels)
        axis = self.axis + 1
        lines = np.moveaxis(x, axis, 0)
        if self.thresholds.shape[0] == 1:
            return self._row(x, 0, levels)
        if levels == 1:
            shape = (1, *(-1 if a == axis else 1 for a in range(1, x.ndim)))
            edge, sign = (
                self.thresholds[:, 0].reshape(shape),
                np.broadcast_to(self.sign, len(self.thresholds)).reshape(shape),
            )
            hit = x >= edge if np.all(self.sign > 0) else np.where(sign > 0, x >= edge, x <= edge)
            return self.base + self.step * hit.astype(np.int64)
        result = np.empty(lines.shape, np.int64)
        for channel, line in enumerate(lines):
            result[channel] = self._row(line, channel, levels)
        return np.moveaxis(result, 0, axis)

    def _row(self, x: Array, channel: int, levels: int) -> Array:
        row = self.thresholds[channel]
        if self.sign[min(channel, len(self.sign) - 1)] > 0:
            count = np.searchsorted(row, x, side="right")
        else:
            count = levels - np.searchsorted(row, x, side="left")
        return (self.base + self.step * count).astype(np.int64)
