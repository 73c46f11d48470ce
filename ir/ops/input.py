"""input: a tensor from outside, with its declared type."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.ops.base import Op, Operand
from nc.ir.types import TensorType

NEAREST = "nearest"  # round half even(x / scale) + zero_point
SIGN = "sign"


@dataclass(frozen=True, eq=False)
class Input(Op):
    """`label` names the port; `kind` is its type (shape of one sample).

    `rounding`: how whoever feeds the port turns real numbers into its integers: NEAREST, as QuantizeLinear does, SIGN
    (+1 where x >= 0, else -1), or a rounding of `quantize`, applied to x / scale + zero_point.
    """

    label: str
    kind: TensorType
    rounding: str = NEAREST

    name = "input"
    arity = 0

    def infer_type(self, *operands: Operand) -> TensorType:
        return self.kind
