"""Constants, quantisers, dequantisers, real thresholds: where integers and real numbers meet."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isinf

import numpy as np

from nc.compiler.passes.integerize import align, joins
from nc.compiler.passes.integerize.numbers import Form, Known, Linear, Number, Sum, Whole, channel_view, scale_view
from nc.compiler.passes.integerize.realise import realise
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.staircase import Quantiser, round_exact, staircase
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.diagnostics import NcError
from nc.ir.ops.constant import Constant
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.quantize import Quantize
from nc.ir.simplest import scale_of
from nc.ir.types import IntType

LONG_TABLE = 1 << 8  # from here on a sum and a choice are smaller than a table
FINER_BITS = 8  # that bounds and slopes between the integers may cost


@rule("constant")
def _constant(t: Translation, op: Constant, operands: list[Form]) -> Form:
    ints = op.value if op.value.dtype.kind == "i" else None
    return Known(op.value.astype(np.float64), ints)


@rule("quantize")
def _quantize(t: Translation, op: Quantize, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return _quantize_known(t, op, x)
    rank = len(t.source_shape)
    view, zeros = scale_view(op.scale, rank), channel_view(op.zero_point, rank)
    if view is None or zeros is None or None not in (view[0], zeros[0]) and view[0] != zeros[0]:
        return t.refuse(
            "NC304",
            "scale and zero point of an activation's quantiser must vary along one axis at most",
            "use one scale a tensor, or one a channel",
        )
    axis = view[0] if view[0] is not None else zeros[0]
    quantiser = Quantiser(view[1], tuple(int(z) for z in zeros[1]), op.lo, op.hi, op.rounding, op.bipolar)
    if isinstance(x, Sum) and (value := joins.quantised(t, x, quantiser, axis)) is not None:
        return Whole(value)
    number = need_number(t, x)
    if axis is not None:
        number = align.along(t, number, axis)
    return Whole(_staged(t, number, quantiser))


def _staged(t: Translation, number: Number, quantiser: Quantiser) -> int:
    shared = len(quantiser.scale) == len(quantiser.zero_point) == 1
    number = _straightened(t, number.narrowed() if shared else number)
    form = staircase(number, t.build.type(number.value).int, quantiser)
    return realise(t.build, number, form, quantiser)


def _straightened(t: Translation, number: Number) -> Number:
    """The number with what goes up and down (a magnitude) computed on integers, where a table would be long."""
    kind = t.build.type(number.value).int
    turns = [k for k, s in enumerate(number.steps) if not isinstance(s, Linear) and not s.monotone]
    if not turns or kind.hi - kind.lo < LONG_TABLE:
        return number
    begun, rest = number.steps[: turns[-1] + 1], number.steps[turns[-1] + 1 :]
    try:
        straight = align.settled(t, replace(number, steps=begun))
    except NcError:  # a smooth function, or constants without a common grid: the table is exact, too
        return number
    if t.build.type(straight.value).int.bits > kind.bits + FINER_BITS:
        return number
    for step in rest:
        straight = straight.then(step)
    return straight


def _quantize_known(t: Translation, op: Quantize, x: Known) -> Form:
    """Quantise a constant exactly: float64 decides, fractions wherever it is near a tie."""
    if op.bipolar:
        ints = np.where(x.real >= 0, 1, -1).astype(np.int64)
    else:
        scaled = x.real / op.scale + op.zero_point
        ints = op.evaluate(x.real[None])[0]
        twice = scaled * 2
        near = np.abs(twice - np.rint(twice)) < 1e-9 * np.maximum(1, np.abs(twice))
        scale, zero = np.broadcast_to(op.scale, scaled.shape), np.broadcast_to(op.zero_point, scaled.shape)
        for index in zip(*np.nonzero(near), strict=True):
            exact = Fraction(float(x.real[index])) / scale_of(float(scale[index])) + int(zero[index])
            ints[index] = min(max(round_exact(exact, op.rounding), op.lo), op.hi)
    return Known(ints.astype(np.float64), ints)


@rule("dequantize")
def _dequantize(t: Translation, op: Dequantize, operands: list[Form]) -> Form:
    (x,) = operands
    rank = len(t.source_shape)
    scale, zero = scale_view(op.scale, rank), channel_view(op.zero_point, rank)
    if scale is None or zero is None or None not in (scale[0], zero[0]) and scale[0] != zero[0]:
        return t.refuse("NC304", "scale and zero point of a tensor must vary along one axis at most")
    if isinstance(x, Known):
        if x.ints is None:
            return t.refuse("NC202", "the operand of dequantize must be an exact integer")
        ints = x.ints - op.zero_point.astype(np.int64)
        return Known(ints * op.scale, ints, scale[1], scale[0])
    number = Number(x.value) if isinstance(x, Whole) else need_number(t, x)  # integers computed with keep their steps
    axis = scale[0] if scale[0] is not None else zero[0]
    if axis is not None:
        number = align.along(t, number, axis)
    count = max(len(scale[1]), len(zero[1]))
    scales, zeros = (side * count if len(side) == 1 else side for side in (scale[1], zero[1]))
    return number.then(Linear(scales, tuple(-s * z for s, z in zip(scales, zeros, strict=True))))


@rule("multi_threshold")
def _multi_threshold(t: Translation, op: MultiThreshold, operands: list[Form]) -> Form:
    """Real thresholds on a number become integer thresholds on its integers."""
    number = need_number(t, operands[0])
    if not number.linear:
        number = align.settled(t, number)
    rows, levels = op.thresholds.shape
    number = number.narrowed()
    if rows > 1 or number.axis is not None:
        number = align.along(t, number, op.axis)
    kind = t.build.type(number.value).int
    edges = np.empty((number.channels, levels), np.int64)
    sign = np.empty(number.channels, np.int64)
    for c in range(number.channels):
        scale, offset = number.scale[c], number.offset[c]
        direction = int(op.sign[c % len(op.sign)])
        sign[c] = direction if scale >= 0 else -direction
        row = [_threshold(v, scale, offset, direction, kind) for v in op.thresholds[c % rows].tolist()]
        edges[c] = sorted(row)
    return Whole(
        t.build.add(
            MultiThreshold(edges, sign, op.axis if number.axis is not None else 0, op.base, op.step), number.value
        )
    )


def _threshold(edge: float, scale: Fraction, offset: Fraction, direction: int, kind: IntType) -> int:
    """The outermost q with scale * q + offset >= edge (direction +1) or <= edge (-1), clamped to one beyond.

    Infinite edges are reached always or never.
    """
    rising = (scale >= 0) == (direction > 0)
    if scale == 0 or isinf(edge):
        reached = offset >= edge if direction > 0 else offset <= edge
        return (kind.lo if reached else kind.hi + 1) if rising else (kind.hi if reached else kind.lo - 1)
    x = (Fraction(edge) - offset) / scale
    q = -((-x.numerator) // x.denominator) if rising else x.numerator // x.denominator
    return min(max(q, kind.lo), kind.hi + 1) if rising else max(min(q, kind.hi), kind.lo - 1)
