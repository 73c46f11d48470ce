"""Element-wise functions: kept as steps of the chain until a quantiser makes integers of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Known, Sum
from nc.compiler.passes.integerize.rules.linear import along_line, negated, square
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.base import Array
from nc.ir.ops.clip import Clip
from nc.ir.ops.relu import Relu
from nc.ir.ops.unary import RealFunction


def function(t: Translation, op: RealFunction, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return Known(op.evaluate(x.real[None])[0])
    return x.then(op) if isinstance(x, Sum) else need_number(t, x).then(op)


@rule("prelu")
def _prelu(t: Translation, op: Any, operands: list[Form]) -> Form:
    """x if x >= 0 else slope * x = relu(x) - slope * relu(-x), exactly."""
    x, slope = operands
    if not isinstance(slope, Known):
        return t.refuse("NC305", "slopes of prelu must be constant")
    number = align.settled(t, need_number(t, x))
    positive = align.settled(t, number.then(Relu()))
    negative = align.settled(t, need_number(t, negated(t, number)).then(Relu()))
    return align.total(t, [positive, along_line(t, negative, slope, lambda v: (-v, Fraction(0)))])


@rule("minimum", "maximum")
def _extreme(t: Translation, op: Any, operands: list[Form]) -> Form:
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0])
    known, other = (a, b) if isinstance(a, Known) else (b, a)
    if isinstance(known, Known):
        number = need_number(t, other)
        if known.real.size and np.all(known.real == known.real.ravel()[0]):
            bound = float(known.real.ravel()[0])
            return number.then(Clip(bound, np.inf) if op.name == "maximum" else Clip(-np.inf, bound))
        return align.extreme(t, op, [align.settled(t, number), align.from_known(t, known)])
    return align.extreme(t, op, [align.settled(t, need_number(t, x)) for x in (a, b)])


@rule("select")
def _select(t: Translation, op: Any, operands: list[Form]) -> Form:
    """A constant condition chooses by element."""
    condition, *sides = operands
    if not isinstance(condition, Known):
        return t.refuse("NC305", "the condition of a choice must be constant")
    if all(isinstance(x, Known) for x in sides):
        return Known(op.evaluate(condition.real[None], *(x.real[None] for x in sides if isinstance(x, Known)))[0])
    numbers = [align.settled(t, need_number(t, x)) for x in sides]
    mask = t.build.constant((condition.real != 0).astype(np.int64))
    return align.extreme(t, op, numbers, mask)


@rule("softmax", "log_softmax")
def _softmax(t: Translation, op: Any, operands: list[Form]) -> Form:
    return t.refuse(
        "NC306",
        f"{op.name} must be the last operation of the model (it keeps the order, so that the hardware omits it)",
        "remove it, or replace it by a quantised function",
    )


@rule("pow")
def _pow(t: Translation, op: Any, operands: list[Form]) -> Form:
    x, exponent = operands
    if isinstance(x, Known) and isinstance(exponent, Known):
        return Known(op.evaluate(x.real[None], exponent.real[None])[0])
    if not isinstance(exponent, Known) or np.unique(exponent.real).size != 1:
        return t.refuse("NC305", "the exponent of a power must be one constant number", "multiply by a table instead")
    power = float(exponent.real.ravel()[0])
    if power == 1:
        return x
    return square(t, need_number(t, x)) if power == 2 else need_number(t, x).then(_Power(power))


@dataclass(frozen=True, eq=False)
class _Power(RealFunction):
    """x ** exponent, undefined where that is not real. Part of a chain only, never of a graph."""

    exponent: float

    name = "pow"

    @property
    def monotone(self) -> int:  # type: ignore[override]
        return int(self.exponent > 0 and self.exponent % 2 == 1)

    def real(self, x: Array) -> Array:
        return np.power(x, self.exponent)

    def exact(self, x: Any) -> Any:
        return mp.power(x, int(self.exponent) if self.exponent.is_integer() else mp.mpf(self.exponent))
