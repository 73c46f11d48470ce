"""sub: element-wise difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nc.ir.ops.base import Array
from nc.ir.ops.binary import Elementwise
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class Sub(Elementwise):
    """a - b with numpy broadcasting over the sample axes."""

    name = "sub"

    def function(self, a: Array, b: Array) -> Array:
        return a - b

    def corners(self, a: IntType, b: IntType) -> Sequence[int]:
        return (a.lo - b.hi, a.hi - b.lo)
