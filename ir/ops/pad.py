"""pad: a border around the sample, constant or copied from inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import IntType, TensorType

_MODES = {"constant": "constant", "edge": "edge", "reflect": "reflect", "wrap": "wrap"}


@dataclass(frozen=True, eq=False)
class Pad(Op):
    """`pads` = (begin per axis..., end per axis...), non-negative; `mode` constant, edge, reflect or wrap."""

    pads: tuple[int, ...]
    mode: str = "constant"
    value: float = 0.0

    name = "pad"

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if self.mode not in _MODES or len(self.pads) != 2 * kind.rank or min(self.pads, default=0) < 0:
            fail("NC205", f"pad must have {2 * kind.rank} non-negative pads and a known mode, not {list(self.pads)}")
        shape = tuple(e + a + b for e, (a, b) in zip(kind.shape, self._widths(), strict=True))
        element = kind.element
        if isinstance(element, IntType) and self.mode == "constant" and any(self.pads):
            value = int(self.value)
            if value not in element:
                element = IntType(min(element.lo, value), max(element.hi, value))
        return TensorType(shape, element)

    def _widths(self) -> list[tuple[int, int]]:
        half = len(self.pads) // 2
        return list(zip(self.pads[:half], self.pads[half:], strict=True))

    def evaluate(self, *operands: Array) -> Array:
        x = operands[0]
        widths = [(0, 0), *self._widths()]
        if self.mode == "constant":
            return np.pad(x, widths, constant_values=x.dtype.type(self.value))
        return np.pad(x, widths, mode=_MODES[self.mode])  # type: ignore[call-overload, no-any-return]
