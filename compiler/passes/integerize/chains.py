"""The chain of functions that a number is, evaluated: in float64 on arrays, in arbitrary precision on one integer."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np

from nc.compiler.passes.integerize.numbers import Linear, Number
from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction


def float_chain(number: Number, c: int, q: Array) -> Array:
    """The real numbers that integers of channel `c` stand for."""
    x = q * float(number.scale[c]) + float(number.offset[c])
    for step in number.steps:
        if isinstance(step, Linear):
            x = x * float(step.scale[c % len(step.scale)]) + float(step.offset[c % len(step.offset)])
        else:
            x = step.evaluate(x)
    return x


def exact_chain(number: Number, c: int, q: Any) -> Any:
    """The same of one integer as an mpmath number; None where a function has no real value."""
    x = q * as_mp(number.scale[c]) + as_mp(number.offset[c])
    for step in number.steps:
        if x is None:
            return None
        if isinstance(step, Linear):
            x = x * as_mp(step.scale[c % len(step.scale)]) + as_mp(step.offset[c % len(step.offset)])
        else:
            x = _defined(step, x)
    return x


def _defined(step: RealFunction, x: Any) -> Any:
    """step(x), or None where it has no real value (log of a negative number, 1 / 0)."""
    try:
        y = step.exact(x)
    except ZeroDivisionError:
        return None
    return None if isinstance(y, mp.mpc) else y


def as_mp(value: Fraction) -> Any:
    return mp.mpf(value.numerator) / value.denominator


@dataclass(frozen=True, eq=False)
class Joint(RealFunction):
    """Two chains over the same integers that meet again (x * sigmoid(x)): one function of these integers."""

    word: str
    first: Number
    second: Number

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.word

    def real(self, x: Array) -> Array:
        return np.asarray(MEETINGS[self.word](float_chain(self.first, 0, x), float_chain(self.second, 0, x)))

    def exact(self, x: Any) -> Any:
        sides = [exact_chain(number, 0, x) for number in (self.first, self.second)]
        return None if any(s is None for s in sides) else MEETINGS[self.word](*sides)


MEETINGS: dict[str, Callable[[Any, Any], Any]] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
