"""Moving elements: channel scales move along."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isfinite
from typing import Any

from nc.compiler.passes.integerize import align, sums
from nc.compiler.passes.integerize.numbers import Form, Known, Sum, Whole
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.concat import Concat
from nc.ir.ops.pad import Pad
from nc.ir.ops.take import Take


@rule("reshape", "transpose", "slice", "gather", "broadcast")
def _layout(t: Translation, op: Any, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return known_layout(op, x)
    if isinstance(x, Whole):
        return Whole(t.build.add(op, x.value))
    if isinstance(x, Sum):
        return sums.moved(t, op, x)
    return align.layout(t, op, x)


def known_layout(op: Any, x: Known) -> Known:
    """A constant moves with its scales: the channel axis is found again, or the scales are dropped."""
    real = op.evaluate(x.real[None])[0]
    if x.ints is None:
        return Known(real)
    ints = op.evaluate(x.ints[None])[0]
    if x.axis is None:
        return Known(real, ints, x.scale)
    moved = align.moved_axis(op, x.ints.shape, x.axis)
    if moved is None:
        return Known(real)
    axis, channels = moved
    return Known(real, ints, tuple(x.scale[c] for c in channels), axis)


@rule("pad", "take")
def _padded(t: Translation, op: Pad | Take, operands: list[Form]) -> Form:
    """Elements that an operation adds are the integer that stands for their real value."""
    adds = any(op.pads) and op.mode == "constant" if isinstance(op, Pad) else bool((op.indices < 0).any())
    (x,) = operands
    if not adds or isinstance(x, Known):
        return _layout(t, op, operands)
    if not isfinite(op.value):
        return t.refuse(
            "NC304",
            f"padding must be a finite number where anything but a maximum reads it, not {op.value}",
            "pad with the least number of the quantiser",
        )
    number = align.uniform(t, align.settled(t, need_number(t, x)))
    return align.layout(t, replace(op, value=align.integer_of(t, number, Fraction(op.value))), number)


@rule("concat")
def _concat(t: Translation, op: Concat, operands: list[Form]) -> Form:
    if all(isinstance(x, Known) for x in operands):
        return Known(op.evaluate(*(x.real[None] for x in operands if isinstance(x, Known)))[0])
    numbers = [
        align.from_known(t, x) if isinstance(x, Known) else align.settled(t, need_number(t, x)) for x in operands
    ]
    return align.joined(t, op, numbers)


@rule("cast")
def _cast(t: Translation, op: Any, operands: list[Form]) -> Form:
    (x,) = operands
    if op.to == "f32":
        return x
    return t.refuse("NC305", f"a cast to {op.to} must not meet activations", "quantise with a Quant node instead")
