"""Pooling, reductions, arg-max."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Known, Linear, Number
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.average_pool import AveragePool
from nc.ir.ops.reduce_sum import ReduceSum
from nc.ir.ops.sum_pool import SumPool


@rule("max_pool", "reduce_max", "reduce_min")
def _max(t: Translation, op: Any, operands: list[Form]) -> Form:
    """Rising functions commute with the maximum; falling channels are negated first."""
    number = need_number(t, operands[0])
    if op.name != "max_pool":
        number = align.settled(t, number)
        number = align.uniform(t, number) if number.axis is not None and number.axis in op.axes else number
    return align.layout(t, op, align.rising(t, number))


@rule("average_pool")
def _average_pool(t: Translation, op: AveragePool, operands: list[Form]) -> Form:
    number = align.settled(t, need_number(t, operands[0]))
    counts = op.counts(t.build.type(number.value).shape[1:])
    if any(number.offset) and (any(op.pads) or len(np.unique(counts)) > 1):
        number = align.without_offset(t, number)
    value = t.build.add(SumPool(op.kernel, op.strides, op.pads, op.dilations), number.value)
    number = replace(number, value=value)
    if len(np.unique(counts)) == 1:
        taps, count = int(np.prod(op.kernel)), Fraction(1, int(counts.flat[0]))
        scale = tuple(s * count for s in number.scale)
        return replace(number, scale=scale, offset=tuple(o * taps * count for o in number.offset))
    whole = int(np.lcm.reduce(counts.ravel()))
    lifted = t.build.add(align.MUL, value, t.build.constant((whole // counts)[None]))
    return replace(number, value=lifted, scale=tuple(s / whole for s in number.scale))


@rule("reduce_mean", "reduce_sum")
def _sum(t: Translation, op: Any, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return Known(op.evaluate(x.real[None])[0])
    number = align.settled(t, need_number(t, x))
    shape = t.build.type(number.value).shape
    if number.axis is not None and number.axis in op.axes:
        number = align.uniform(t, number)
    count = int(np.prod([shape[a] for a in op.axes]))
    axis = number.axis
    if axis is not None and not op.keepdims:
        axis -= sum(a < axis for a in op.axes)
    value = t.build.add(ReduceSum(op.axes, op.keepdims), number.value)
    offset = tuple(o * count for o in number.offset)
    total = replace(number, value=value, offset=offset, axis=axis)
    return total if op.name == "reduce_sum" else total.then(Linear((Fraction(1, count),), (Fraction(0),)))


@rule("argmax")
def _argmax(t: Translation, op: ArgMax, operands: list[Form]) -> Form:
    number = align.rising(t, align.settled(t, need_number(t, operands[0])))
    if number.axis is not None and number.axis == op.axis:
        number = align.uniform(t, number)
    return Number(t.build.add(op, number.value))
