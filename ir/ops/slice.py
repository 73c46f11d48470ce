"""slice: a regular part of a tensor."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import TensorType


@dataclass(frozen=True, eq=False)
class Slice(Op):
    """Python slices by axis, one entry for every axis; `stops` beyond the front of the axis are written -extent - 1."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    name = "slice"

    @property
    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(a, b, c) for a, b, c in zip(self.starts, self.stops, self.steps, strict=True))

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if not len(self.starts) == len(self.stops) == len(self.steps) == kind.rank or 0 in self.steps:
            fail("NC205", f"slice must have a start, stop and non-zero step for each of {kind.rank} axes")
        shape = tuple(len(range(*s.indices(extent))) for s, extent in zip(self.slices, kind.shape, strict=True))
        return TensorType(shape, kind.element)

    def evaluate(self, *operands: Array) -> Array:
        return operands[0][(slice(None), *self.slices)]
