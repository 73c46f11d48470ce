"""div: element-wise quotient of machine numbers (float stage only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.binary import MachineElementwise


@dataclass(frozen=True, eq=False)
class Div(MachineElementwise):
    """a / b; on integers truncating toward zero, as ONNX has it."""

    name = "div"

    def real(self, a: Array, b: Array) -> Array:
        return a / b

    def whole(self, a: Array, b: Array) -> Array:
        return np.trunc(a / b)
