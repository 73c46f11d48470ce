"""Sums, products, norms, matrix products, convolutions: scales and offsets move, integers multiply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, overload

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.chains import Joint
from nc.compiler.passes.integerize.numbers import Form, Fractions, Known, Linear, Number, Sum, fractions
from nc.compiler.passes.integerize.rules.layout import known_layout
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.abs import Abs
from nc.ir.ops.batch_norm import BatchNorm
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.pad import Pad
from nc.ir.ops.transpose import Transpose

Line = Callable[[Fraction], tuple[Fraction, Fraction]]
"""From each value of a constant to the scale and the offset it stands for."""


def square(t: Translation, number: Number) -> Number:
    """x * x by the magnitude of x, so that the range of the result says that it is never negative."""
    number = align.without_offset(t, align.settled(t, number))
    if t.build.type(number.value).int.lo < 0:
        number = replace(number, value=t.build.add(Abs(), number.value))
    return align.product(t, number, number)


@rule("mul", "div")
def _mul(t: Translation, op: Any, operands: list[Form]) -> Form:
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0])
    if op.name == "div":
        if not isinstance(b, Known):
            return t.refuse(
                "NC305",
                "a division must be by a constant",
                "multiply by a table of the reciprocal; instead of a norm that computes its own statistics, train with "
                "BatchNormalization",
            )
        if not np.all(b.real):
            return t.refuse("NC305", "a division must be by constants other than zero")
        return along_line(t, a, b, lambda v: (1 / v, Fraction(0)))
    if isinstance(b, Known):
        return along_line(t, a, b, lambda v: (v, Fraction(0)))
    if isinstance(a, Known):
        return along_line(t, b, a, lambda v: (v, Fraction(0)))
    if (found := joint(t, op, a, b)) is not None:
        return found
    if t.node.operands[0] == t.node.operands[1]:
        return square(t, need_number(t, a))
    first, second = (align.without_offset(t, align.settled(t, need_number(t, x))) for x in (a, b))
    return align.product(t, first, second)


def joint(t: Translation, op: Any, a: Form, b: Form) -> Number | None:
    """Two functions of one integer tensor as one, where they cannot be computed apart."""
    if isinstance(a, Sum) or isinstance(b, Sum):
        return None
    first, second = need_number(t, a), need_number(t, b)
    one = first.value == second.value and first.channels == second.channels == 1
    if not one or align.settles(first) and align.settles(second):
        return None
    return Number(first.value).then(Joint(op.name, first, second))


@rule("neg")
def _neg(t: Translation, op: Any, operands: list[Form]) -> Form:
    (x,) = operands
    return Known(-x.real) if isinstance(x, Known) else negated(t, x)


def negated(t: Translation, form: Form) -> Number | Sum:
    """-x."""
    line = Linear((Fraction(-1),), (Fraction(0),))
    if isinstance(form, Sum):
        return form.then(line)
    return need_number(t, form).then(line)


@overload
def along_line(t: Translation, form: Number, known: Known, line: Line) -> Number: ...
@overload
def along_line(t: Translation, form: Form, known: Known, line: Line) -> Number | Sum: ...
def along_line(t: Translation, form: Form, known: Known, line: Line) -> Number | Sum:
    """x * scale + offset where `line` gives both for each value of a constant.

    A constant that varies along one axis at most is a step by channel; any other flattens the tensor first.
    """
    if isinstance(form, Sum):
        if known.real.size == 1 and len(known.real.shape) <= t.build.type(form.terms[0].value).rank:
            scale, offset = line(known.elements()[0])
            return form.then(Linear((scale,), (offset,)))
        form = need_number(t, form)
    number = align.broadcast(t, need_number(t, form), known.real.shape)
    shape = t.build.type(number.value).shape
    view = known.view(len(shape))
    if view is None or None not in (view[0], number.axis) and view[0] != number.axis:
        elements = np.array(known.elements(), object).reshape(known.real.shape)
        lines = [line(v) for v in np.broadcast_to(elements, shape).ravel()]
        flat = align.flattened(t, number).then(Linear(*map(tuple, zip(*lines, strict=True))))
        return align.unflattened(t, flat, shape)
    axis, values = view
    if axis is not None:
        number = align.along(t, number, axis)
    lines = [line(v) for v in values]
    return number.then(Linear(*map(tuple, zip(*lines, strict=True))))


@rule("batch_norm")
def _batch_norm(t: Translation, op: BatchNorm, operands: list[Form]) -> Form:
    """Per channel: multiply by scale / sqrt(variance + epsilon) (the root in arbitrary precision) and add."""
    number = align.along(t, need_number(t, operands[0]), 0)
    scale, bias, mean, variance = (fractions(a) for a in (op.scale, op.bias, op.mean, op.variance))
    epsilon = Fraction(op.epsilon)
    gain = tuple(s / align.root(v + epsilon) for s, v in zip(scale, variance, strict=True))
    return number.then(Linear(gain, tuple(b - m * g for b, m, g in zip(bias, mean, gain, strict=True))))


@rule("matmul")
def _matmul(t: Translation, op: MatMul, operands: list[Form]) -> Form:
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0])
    if isinstance(a, Known):
        return _turned(t, op, a, b)
    x = align.settled(t, need_number(t, a))
    if not isinstance(b, Known):
        return align.dynamic_matmul(t, x, align.settled(t, need_number(t, b)))
    if b.real.ndim > 2:
        return t.refuse("NC305", "constant operands of matmul must have at most two axes")
    weights, scale, axis = align.integer_weights(t, b)
    rank = t.build.type(x.value).rank
    if x.axis is not None and x.axis != rank - 1:
        x = align.uniform(t, x)
    columns = weights if weights.ndim == 2 else weights[:, None]
    if axis is not None and axis != weights.ndim - 1 or weights.ndim == 1 and axis is not None:
        columns, scale = align.fold_rows(t, columns, scale)
    columns, unit, offset = align.fold_input(t, x, columns)
    made = columns if weights.ndim == 2 else columns[:, 0]
    value = t.build.add(MatMul(), x.value, t.build.constant(made))
    outputs = columns.shape[1]
    scales = scale * outputs if len(scale) == 1 else scale
    result_rank = t.build.type(value).rank
    number = Number(
        value,
        tuple(s * unit for s in scales),
        tuple(s * o for s, o in zip(scales, offset, strict=True)),
        result_rank - 1 if weights.ndim == 2 else None,
    )
    return number.narrowed()


def _turned(t: Translation, op: MatMul, a: Known, b: Form) -> Form:
    """a @ x as the transpose of x' @ a', which has its constant on the right."""
    if a.real.ndim > 2:
        return t.refuse("NC305", "constant operands of matmul must have at most two axes")
    number = align.settled(t, need_number(t, b))
    rank = t.build.type(number.value).rank
    turned = known_layout(Transpose((1, 0)), a) if a.real.ndim == 2 else a
    swap = Transpose((*range(rank - 2), rank - 1, rank - 2))
    made = _matmul(t, op, [number if rank == 1 else align.layout(t, swap, number), turned])
    return made if rank == 1 or a.real.ndim == 1 else align.layout(t, swap, need_number(t, made))


@rule("conv")
def _conv(t: Translation, op: Conv, operands: list[Form]) -> Form:
    a, b = operands
    if not isinstance(b, Known) or isinstance(a, Known):
        return t.refuse("NC305", "a convolution must have constant weights", "export the model with its weights")
    x = align.settled(t, need_number(t, a))
    weights, scale, axis = align.integer_weights(t, b)
    if axis not in (None, 0):
        return t.refuse("NC304", "weights of a convolution must have one scale, or one an output channel")
    if x.axis is not None and (x.axis != 0 or op.groups > 1):
        x = align.uniform(t, x)
    if any(op.pads) and any(x.offset):
        x = _padded(t, x, op.pads)
        op = replace(op, pads=(0,) * len(op.pads))
    flat = weights.reshape(len(weights), -1).T  # taps of all members of a group, outputs
    if x.axis is None:
        unit, offset = x.scale[0], tuple(x.offset[0] * int(s) for s in flat.sum(axis=0))
    else:
        taps = int(np.prod(weights.shape[2:]))
        spread = replace(x, scale=_repeat(x.scale, taps), offset=_repeat(x.offset, taps))
        flat, unit, offset = align.fold_input(t, spread, flat)
        weights = np.ascontiguousarray(flat.T).reshape(weights.shape)
    value = t.build.add(op, x.value, t.build.constant(weights))
    scales = scale * len(weights) if len(scale) == 1 else scale
    offsets = tuple(s * o for s, o in zip(scales, offset, strict=True))
    return Number(value, tuple(s * unit for s in scales), offsets, 0).narrowed()


def _repeat(side: Fractions, times: int) -> Fractions:
    return tuple(f for f in side for _ in range(times))


def _padded(t: Translation, x: Number, pads: tuple[int, ...]) -> Number:
    """Pad with the integer that stands for zero."""
    zero = align.zero_integer(t, x)
    half = len(pads) // 2
    full = (0, *pads[:half], 0, *pads[half:])
    return replace(x, value=t.build.add(Pad(full, "constant", zero), x.value))
