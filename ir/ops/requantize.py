"""requantize: an accumulator to a narrow integer by multiply, add and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import INT64_MAX, Array, Op, Operand
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class Requantize(Op):
    """clamp(round((x * multiplier[c] + offset[c]) / 2**shift), lo, hi); c is the index along `axis`.

    `rounding`: 'floor' (arithmetic shift; half-up is an offset of half a step) or 'half_even'.
    `multiplier`, `offset`: int64 (C,) or (1,).
    """

    multiplier: Array
    offset: Array
    shift: int
    lo: int
    hi: int
    axis: int = 0
    rounding: str = "floor"

    name = "requantize"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not kind.is_int or self.rounding not in ("floor", "half_even"):
            fail(
                "NC202", f"requantize must have an exact integer and a rounding floor or half_even, not {kind.element}"
            )
        channels = kind.shape[self.axis] if kind.shape else 1
        if any(a.shape not in ((1,), (channels,)) for a in (self.multiplier, self.offset)):
            fail("NC205", f"requantize must have 1 or {channels} multipliers, not {list(self.multiplier.shape)}")
        lo, hi = self.reach(kind.int)
        if max(hi, -lo) > INT64_MAX:
            fail("NC203", "the integers of requantize must fit 64 bits", help="use fewer bits for the scale")
        low, high = (min(max(self._shifted(v), self.lo), self.hi) for v in (lo, hi))
        return TensorType(kind.shape, IntType(low, high))

    def reach(self, kind: IntType) -> tuple[int, int]:
        """Range of x * multiplier + offset over all channels."""
        corners = [
            int(m) * x + int(o)
            for m, o in zip(*np.broadcast_arrays(self.multiplier, self.offset), strict=True)
            for x in (kind.lo, kind.hi)
        ]
        return min(corners), max(corners)

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        shape = (1, *(-1 if a == self.axis else 1 for a in range(x.ndim - 1)))
        multiplier, offset = self.multiplier, self.offset
        if x.ndim > 1:
            multiplier, offset = multiplier.reshape(shape), offset.reshape(shape)
        result: Array = np.clip(self._shifted(x * multiplier + offset), self.lo, self.hi)
        return result

    def _shifted(self, scaled: Any) -> Any:
        """round(scaled / 2**shift), of an integer or an array."""
        if self.rounding == "half_even" and self.shift:
            scaled = scaled + ((1 << self.shift - 1) - 1) + ((scaled >> self.shift) & 1)
        return scaled >> self.shift
