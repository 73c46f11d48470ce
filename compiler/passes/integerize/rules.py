"""How each operation of the float graph acts on numbers: one rule an operation, found by table.

A rule receives the translation in progress, the node, and its operands' forms, and returns the result's form. What
stays linear moves into scale and offset; what needs integers is emitted at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Fractions, Known, Linear, Number, Whole, channel_view, fractions
from nc.compiler.passes.integerize.realise import realise
from nc.compiler.passes.integerize.staircase import Quantiser, round_exact, staircase
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.average_pool import AveragePool
from nc.ir.ops.batch_norm import BatchNorm
from nc.ir.ops.clip import Clip
from nc.ir.ops.concat import Concat
from nc.ir.ops.constant import Constant
from nc.ir.ops.conv import Conv
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.pad import Pad
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reduce_sum import ReduceSum
from nc.ir.ops.relu import Relu
from nc.ir.ops.sum_pool import SumPool
from nc.ir.ops.unary import RealFunction

Rule = Callable[[Translation, Any, list[Form]], Form]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


# --- constants and quantisers -----------------------------------------------------------------------------------------


@rule("constant")
def _constant(t: Translation, op: Constant, operands: list[Form]) -> Form:
    ints = op.value if op.value.dtype.kind == "i" else None
    return Known(op.value.astype(np.float64), ints)


@rule("quantize")
def _quantize(t: Translation, op: Quantize, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return _quantize_known(t, op, x)
    number = need_number(t, x)
    view = channel_view(op.scale, len(t.source_shape))
    zero_points = np.unique(op.zero_point)
    if view is None or len(zero_points) != 1:
        return t.refuse(
            "NC304",
            "scale and zero point of an activation's quantiser must vary along one axis at most",
            "use one scale a tensor, or one a channel",
        )
    axis, scale = view
    if axis is not None:
        number = align.along(t, number, axis)
    quantiser = Quantiser(scale, int(zero_points[0]), op.lo, op.hi, op.rounding, op.bipolar)
    return Whole(_staged(t, number, quantiser))


def _staged(t: Translation, number: Number, quantiser: Quantiser) -> int:
    number = number.narrowed() if len(quantiser.scale) == 1 else number
    form = staircase(number, t.build.type(number.value).int, quantiser)
    return realise(t.build, number, form, quantiser)


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
            exact = Fraction(float(x.real[index])) / Fraction(float(scale[index])) + int(zero[index])
            ints[index] = min(max(round_exact(exact, op.rounding), op.lo), op.hi)
    return Known(ints.astype(np.float64), ints)


@rule("dequantize")
def _dequantize(t: Translation, op: Dequantize, operands: list[Form]) -> Form:
    (x,) = operands
    rank = len(t.source_shape)
    scale, zero = channel_view(op.scale, rank), channel_view(op.zero_point, rank)
    if scale is None or zero is None or None not in (scale[0], zero[0]) and scale[0] != zero[0]:
        return t.refuse("NC304", "scale and zero point of a tensor must vary along one axis at most")
    if isinstance(x, Known):
        if x.ints is None:
            return t.refuse("NC202", "the operand of dequantize must be an exact integer")
        real = (x.ints - op.zero_point) * op.scale
        zero_point = int(zero[1][0]) if zero[0] is None else None
        if zero_point is None:
            return Known(real)
        return Known(real, x.ints - zero_point, scale[1], scale[0])
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
        row = [_threshold(Fraction(v), scale, offset, direction, kind) for v in op.thresholds[c % rows].tolist()]
        edges[c] = sorted(row)
    return Whole(
        t.build.add(
            MultiThreshold(edges, sign, op.axis if number.axis is not None else 0, op.base, op.step), number.value
        )
    )


def _threshold(edge: Fraction, scale: Fraction, offset: Fraction, direction: int, kind: Any) -> int:
    """The outermost q with scale * q + offset >= edge (direction +1) or <= edge (-1), clamped to one beyond."""
    rising = (scale >= 0) == (direction > 0)
    if scale == 0:
        reached = offset >= edge if direction > 0 else offset <= edge
        return int(kind.lo if reached else kind.hi + 1) if rising else int(kind.hi if reached else kind.lo - 1)
    x = (edge - offset) / scale
    q = -((-x.numerator) // x.denominator) if rising else x.numerator // x.denominator
    return min(max(q, kind.lo), kind.hi + 1) if rising else max(min(q, kind.hi), kind.lo - 1)


# --- linear algebra ---------------------------------------------------------------------------------------------------


@rule("add", "sub")
def _add(t: Translation, op: Any, operands: list[Form]) -> Form:
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0])
    negate = op.name == "sub"
    if isinstance(b, Known):
        return _linear(t, need_number(t, a), b, lambda v: (Fraction(1), -v if negate else v))
    if isinstance(a, Known):
        number = _negated(t, need_number(t, b)) if negate else need_number(t, b)
        return _linear(t, number, a, lambda v: (Fraction(1), v))
    first, second = (align.settled(t, need_number(t, x)) for x in (a, b))
    if negate:
        second = _negated(t, second)
    return align.total(t, [first, second])


@rule("mul", "div")
def _mul(t: Translation, op: Any, operands: list[Form]) -> Form:
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0])
    if op.name == "div":
        if not isinstance(b, Known):
            return t.refuse(
                "NC305", "a division must be by a constant", "multiply by a table of the reciprocal instead"
            )
        if not np.all(b.real):
            return t.refuse("NC305", "a division must be by constants other than zero")
        return _linear(t, need_number(t, a), b, lambda v: (1 / v, Fraction(0)))
    if isinstance(b, Known):
        return _linear(t, need_number(t, a), b, lambda v: (v, Fraction(0)))
    if isinstance(a, Known):
        return _linear(t, need_number(t, b), a, lambda v: (v, Fraction(0)))
    first, second = (align.without_offset(t, align.settled(t, need_number(t, x))) for x in (a, b))
    return align.product(t, first, second)


@rule("neg")
def _neg(t: Translation, op: Any, operands: list[Form]) -> Form:
    (x,) = operands
    return Known(-x.real) if isinstance(x, Known) else _negated(t, need_number(t, x))


def _negated(t: Translation, number: Number) -> Number:
    return number.then(Linear((Fraction(-1),) * number.channels, (Fraction(0),) * number.channels))


def _linear(
    t: Translation, number: Number, known: Known, line: Callable[[Fraction], tuple[Fraction, Fraction]]
) -> Number:
    """x * scale + offset where `line` gives both for each value of a constant.

    A constant that varies along one axis at most is a step by channel; any other flattens the tensor first.
    """
    number = align.broadcast(t, number, known.real.shape)
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
        return t.refuse("NC305", "a matrix product must have its constant on the right", "transpose the product")
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


# --- element-wise functions -------------------------------------------------------------------------------------------


def _function(t: Translation, op: RealFunction, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return Known(op.evaluate(x.real[None])[0])
    return need_number(t, x).then(op)


@rule("prelu")
def _prelu(t: Translation, op: Any, operands: list[Form]) -> Form:
    """x if x >= 0 else slope * x = relu(x) - slope * relu(-x), exactly."""
    x, slope = operands
    if not isinstance(slope, Known):
        return t.refuse("NC305", "slopes of prelu must be constant")
    number = align.settled(t, need_number(t, x))
    positive = align.settled(t, number.then(Relu()))
    negative = align.settled(t, _negated(t, number).then(Relu()))
    return align.total(t, [positive, _linear(t, negative, slope, lambda v: (-v, Fraction(0)))])


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
    if not isinstance(exponent, Known) or exponent.real.size != 1 or float(exponent.real.ravel()[0]) != 2.0:
        return t.refuse("NC305", "a power must be a square with a constant exponent", "quantise the base first")
    number = align.without_offset(t, align.settled(t, need_number(t, x)))
    return align.product(t, number, number)


# --- pooling and reductions -------------------------------------------------------------------------------------------


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


# --- layout -----------------------------------------------------------------------------------------------------------


@rule("reshape", "transpose", "slice", "gather", "broadcast", "take")
def _layout(t: Translation, op: Any, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return _known_layout(op, x)
    if isinstance(x, Whole):
        return Whole(t.build.add(op, x.value))
    return align.layout(t, op, x)


def _known_layout(op: Any, x: Known) -> Known:
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


@rule("pad")
def _pad(t: Translation, op: Pad, operands: list[Form]) -> Form:
    (x,) = operands
    if isinstance(x, Known):
        return Known(op.evaluate(x.real[None])[0])
    number = align.settled(t, need_number(t, x))
    if op.mode == "constant" and any(op.pads):
        number = number if number.axis is None else align.uniform(t, number)
        op = replace(op, value=align.integer_of(t, number, Fraction(op.value)))
    return align.layout(t, op, number)


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


# --- shared -----------------------------------------------------------------------------------------------------------


def need_number(t: Translation, form: Form) -> Number:
    """The operand as a number; bare integers stand for themselves, constants become integer constants."""
    if isinstance(form, Number):
        return form
    return Number(form.value) if isinstance(form, Whole) else align.from_known(t, form)


def find_rule(t: Translation) -> Rule:
    """The rule of the node's operation. Raises NC301 when it has none."""
    name = t.node.op.name
    if name in RULES:
        return RULES[name]
    if isinstance(t.node.op, RealFunction):
        return _function
    return t.refuse("NC301", f"operation '{name}' must have an integer form", "see `nc ops` for what has one")  # type: ignore[no-any-return]


def quantise_number(t: Translation, number: Number, quantiser: Quantiser) -> int:
    """Integers of a number under a quantiser."""
    return _staged(t, number, quantiser)
