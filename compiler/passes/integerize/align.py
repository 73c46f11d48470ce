"""Bringing numbers onto common ground: one grid, one axis, no pending functions. Everything here is exact.

Multiplying the integers by whole numbers refines the grid they stand on; that is the price of adding tensors with
different scales, and it is paid only where the network adds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import isqrt, lcm
from typing import Any

import mpmath as mp
import numpy as np

from nc.compiler.passes.integerize.numbers import Fractions, Known, Linear, Number, common_grid
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.graph import Value
from nc.ir.ops.abs import Abs
from nc.ir.ops.add import Add
from nc.ir.ops.base import INT64_MAX, Array
from nc.ir.ops.broadcast import Broadcast
from nc.ir.ops.clip import Clip
from nc.ir.ops.leaky_relu import LeakyRelu
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.maximum import Maximum
from nc.ir.ops.minimum import Minimum
from nc.ir.ops.mul import Mul
from nc.ir.ops.relu import Relu
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.unary import RealFunction

MUL = Mul()
WEIGHT_BITS = 31  # unquantised constants are accepted on a dyadic grid up to this width
ROOT_BITS = 240


# --- one channel axis -------------------------------------------------------------------------------------------------


def along(t: Translation, number: Number, axis: int) -> Number:
    """The number with one scale and offset for each index of `axis`."""
    if number.axis not in (None, axis):
        number = uniform(t, settled(t, number))
    return number.widened(axis, t.build.type(number.value).shape[axis])


def uniform(t: Translation, number: Number) -> Number:
    """The number with one scale and no offset differences between channels: integers on a common grid."""
    number = settled(t, number).narrowed()
    if number.axis is None:
        return number
    same_offset = len(set(number.offset)) == 1
    grid = common_grid([*number.scale, *(() if same_offset else number.offset)])
    value = times(t, number.value, tuple(s / grid for s in number.scale), number.axis)
    if same_offset:
        return Number(value, (grid,), number.offset[:1])
    return Number(plus(t, value, tuple(o / grid for o in number.offset), number.axis), (grid,))


def without_offset(t: Translation, number: Number) -> Number:
    """real = scale * q exactly: the grid is refined until the offset is a whole number of steps."""
    if not any(number.offset):
        return number
    factors, shifts, scales = [], [], []
    for scale, offset in zip(number.scale, number.offset, strict=True):
        if scale == 0:
            factors.append(Fraction(0))
            shifts.append(Fraction(1))
            scales.append(offset)
            continue
        ratio = offset / scale
        factors.append(Fraction(ratio.denominator))
        shifts.append(Fraction(ratio.numerator))
        scales.append(scale / ratio.denominator)
    value = times(t, number.value, tuple(factors), number.axis)
    return replace(number, value=plus(t, value, tuple(shifts), number.axis), scale=tuple(scales), offset=_zeros(number))


def rising(t: Translation, number: Number) -> Number:
    """Positive scales: integers of falling channels are negated. Steps must be rising functions."""
    plain = all(s.monotone > 0 if isinstance(s, RealFunction) else min(s.scale) > 0 for s in number.steps)
    if not plain:
        number = settled(t, number)
    if min(number.scale) >= 0:
        return number
    signs = tuple(Fraction(-1 if s < 0 else 1) for s in number.scale)
    value = times(t, number.value, signs, number.axis)
    return replace(number, value=value, scale=tuple(abs(s) for s in number.scale))


# --- integer arithmetic by channel ------------------------------------------------------------------------------------


def by_channel(t: Translation, value: Value, numbers: Fractions, axis: int | None) -> Value:
    """A constant of whole numbers that broadcasts along `axis` of `value`."""
    shape = t.build.type(value).shape
    whole = [int(n) for n in numbers]
    if max(abs(w) for w in whole) > INT64_MAX:
        t.refuse(
            "NC304",
            "scales that meet in one operation must have a common grid within 64 bits",
            "quantise the operands with related scales (powers of two, for instance)",
        )
    extents = [1] * len(shape) if axis is None else [len(whole) if a == axis else 1 for a in range(len(shape))]
    return t.build.constant(np.array(whole, np.int64).reshape(extents))


def times(t: Translation, value: Value, factors: Fractions, axis: int | None) -> Value:
    """value * factor by channel; nothing when all are 1."""
    if all(f == 1 for f in factors):
        return value
    return t.build.add(MUL, value, by_channel(t, value, factors, axis))


def plus(t: Translation, value: Value, terms: Fractions, axis: int | None) -> Value:
    """value + term by channel; nothing when all are 0."""
    if not any(terms):
        return value
    return t.build.add(Add(), value, by_channel(t, value, terms, axis))


# --- sums, products, extremes -----------------------------------------------------------------------------------------


def total(t: Translation, numbers: Sequence[Number]) -> Number:
    """The sum of two linear numbers on their common grid; offsets stay symbolic."""
    a, b = same_axis(t, same_rank(t, numbers))
    count = max(a.channels, b.channels)
    pairs = list(zip(_stretch(a.scale, count), _stretch(b.scale, count), strict=True))
    grids = [common_grid(pair) for pair in pairs]
    axis = a.axis if a.axis is not None else b.axis
    left = times(t, a.value, tuple(p[0] / g for p, g in zip(pairs, grids, strict=True)), axis)
    right = times(t, b.value, tuple(p[1] / g for p, g in zip(pairs, grids, strict=True)), axis)
    offset = tuple(x + y for x, y in zip(_stretch(a.offset, count), _stretch(b.offset, count), strict=True))
    return Number(t.build.add(Add(), left, right), tuple(grids), offset, axis).narrowed()


def product(t: Translation, a: Number, b: Number) -> Number:
    """The product of two numbers without offsets."""
    a, b = same_axis(t, same_rank(t, [a, b]))
    count = max(a.channels, b.channels)
    scale = tuple(x * y for x, y in zip(_stretch(a.scale, count), _stretch(b.scale, count), strict=True))
    number = Number(t.build.add(MUL, a.value, b.value), scale, axis=a.axis if a.axis is not None else b.axis)
    return replace(number, offset=_zeros(number))


def extreme(t: Translation, op: Any, numbers: Sequence[Number], *first: Value) -> Number:
    """Minimum, maximum or choice of two numbers on one grid; `first` are operands of `op` before them."""
    a, b = (uniform(t, n) for n in same_rank(t, numbers))
    if a.offset != b.offset:
        a, b = without_offset(t, a), without_offset(t, b)
    grid = common_grid([a.scale[0], b.scale[0]])
    left, right = (times(t, n.value, (n.scale[0] / grid,), None) for n in (a, b))
    return Number(t.build.add(op, *first, left, right), (grid,), a.offset)


def dynamic_matmul(t: Translation, a: Number, b: Number) -> Number:
    """The product of two activations: one scale each, no offsets."""
    a, b = (without_offset(t, uniform(t, n)) for n in (a, b))
    return Number(t.build.add(MatMul(), a.value, b.value), (a.scale[0] * b.scale[0],))


def same_rank(t: Translation, numbers: Sequence[Number]) -> list[Number]:
    """The numbers with axes of extent 1 before the shorter ones' own, as broadcasting has them."""
    rank = max(t.build.type(n.value).rank for n in numbers)
    return [_raised(t, n, rank) for n in numbers]


def _raised(t: Translation, number: Number, rank: int) -> Number:
    shape = t.build.type(number.value).shape
    missing = rank - len(shape)
    if not missing:
        return number
    value = t.build.add(Reshape((1,) * missing + shape), number.value)
    return replace(number, value=value, axis=None if number.axis is None else number.axis + missing)


def same_axis(t: Translation, numbers: Sequence[Number]) -> list[Number]:
    """The numbers with scales along one axis at most."""
    axes = {n.axis for n in numbers} - {None}
    if len(axes) > 1:
        return [uniform(t, n) for n in numbers]
    return list(numbers)


def _stretch(side: Fractions, count: int) -> Fractions:
    return side * count if len(side) == 1 else side


def _zeros(number: Number) -> Fractions:
    return (Fraction(0),) * number.channels


# --- weights ----------------------------------------------------------------------------------------------------------


def integer_weights(t: Translation, known: Known) -> tuple[Array, Fractions, int | None]:
    """(integers, scales, axis of the scales). Unquantised constants are taken on their own dyadic grid."""
    if known.ints is not None:
        return known.ints, known.scale, known.axis
    ints, grid = _dyadic(known.real)
    if ints is None:
        t.refuse(
            "NC301",
            "weights must be quantised, not 32-bit floats",
            "give calibration data (--calib), or export the model with quantised weights",
        )
    return ints, (grid,), None


def _dyadic(real: Array) -> tuple[Array | None, Fraction]:
    """Whole multiples of a power of two, when they fit WEIGHT_BITS."""
    if not np.any(real):
        return np.zeros(real.shape, np.int64), Fraction(1)
    mantissa, exponent = np.frexp(real[real != 0])
    whole = (mantissa * 2.0**53).astype(np.int64)
    zeros = np.array([(int(w) & -int(w)).bit_length() - 1 for w in np.unique(np.abs(whole))])
    order = dict(zip(np.unique(np.abs(whole)).tolist(), zeros.tolist(), strict=True))
    least = int(min(e - 53 + order[abs(int(w))] for w, e in zip(whole, exponent, strict=True)))
    if int(exponent.max()) - least > WEIGHT_BITS:
        return None, Fraction(1)
    return np.ldexp(real, -least).astype(np.int64), Fraction(2) ** least


def fold_rows(t: Translation, columns: Array, scale: Fractions) -> tuple[Array, Fractions]:
    """Move scales of the rows (input channels) into the integers."""
    grid = common_grid(scale)
    return columns * _whole(t, [s / grid for s in scale])[:, None], (grid,)


def fold_input(t: Translation, x: Number, columns: Array) -> tuple[Array, Fraction, Fractions]:
    """sum_i (s_i q_i + o_i) w_ij = unit * sum_i q_i w'_ij + offset_j: returns (w', unit, offset)."""
    sums = [Fraction(0)] * columns.shape[1]
    if any(x.offset):
        if x.axis is None:
            sums = [x.offset[0] * int(s) for s in columns.sum(axis=0)]
        else:
            sums = [sum((o * int(w) for o, w in zip(x.offset, col, strict=True)), Fraction(0)) for col in columns.T]
    if x.axis is None:
        return columns, x.scale[0], tuple(sums)
    grid = common_grid(x.scale)
    return columns * _whole(t, [s / grid for s in x.scale])[:, None], grid, tuple(sums)


def _whole(t: Translation, ratios: Sequence[Fraction]) -> Array:
    whole = [int(r) for r in ratios]
    if max(abs(w) for w in whole) >= 1 << WEIGHT_BITS:
        t.refuse("NC304", "scales of the channels of one tensor must have a common grid", "use power-of-two scales")
    return np.array(whole, np.int64)


def from_known(t: Translation, known: Known) -> Number:
    """A constant as a number over integer constants."""
    if known.ints is not None:
        value = t.build.constant(known.ints)
        return Number(value, known.scale, (Fraction(0),) * len(known.scale), known.axis)
    exact = known.elements()
    grid = common_grid(exact)
    whole = [int(f / grid) for f in exact]
    if max((abs(w) for w in whole), default=0) > INT64_MAX:
        t.refuse("NC301", "constants that meet activations must fit 64-bit integers", "quantise them")
    return Number(t.build.constant(np.array(whole, np.int64).reshape(known.real.shape)), (grid,))


def zero_integer(t: Translation, number: Number) -> int:
    """The integer that stands for 0. Raises NC304 when none does."""
    return integer_of(t, number.narrowed(), Fraction(0))


def integer_of(t: Translation, number: Number, real: Fraction) -> int:
    """The integer that stands for `real` in a number with one scale. Raises NC304 when none does."""
    ratios = {(real - o) / s for s, o in zip(number.scale, number.offset, strict=True)}
    whole = next(iter(ratios))
    if len(ratios) > 1 or whole.denominator != 1:
        t.refuse(
            "NC304", "padding must be an integer of the padded tensor", "use a quantiser whose zero point is whole"
        )
    return int(whole)


def root(value: Fraction) -> Fraction:
    """The square root: exact for squares of fractions, to 240 bits otherwise."""
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    with mp.workprec(ROOT_BITS):
        found = mp.sqrt(mp.mpf(value.numerator) / value.denominator)
        mantissa, exponent = mp.frexp(found)
        return Fraction(int(mp.ldexp(mantissa, ROOT_BITS))) * Fraction(2) ** (int(exponent) - ROOT_BITS)


# --- pending functions ------------------------------------------------------------------------------------------------


def settled(t: Translation, number: Number) -> Number:
    """The number without steps: piecewise linear functions are computed on integers, exactly."""
    if number.linear:
        return number
    result = replace(number, steps=())
    for step in number.steps:
        if isinstance(step, Linear):
            result = result.then(step)
            continue
        settle = _SETTLE.get(type(step))
        if settle is None:
            t.refuse(
                "NC302",
                f"the result of '{step.name}' must be quantised before it is used",
                "put a quantiser behind the function (the 'quantise' pass does, given calibration data)",
            )
        result = settle(t, result, step)
    return result


def settles(number: Number) -> bool:
    """Whether integers can have all steps of the number exactly."""
    return all(isinstance(step, Linear) or type(step) in _SETTLE for step in number.steps)


def _relu(t: Translation, x: Number, step: Any) -> Number:
    x = rising(t, without_offset(t, x))
    return replace(x, value=t.build.add(Relu(), x.value))


def _leaky(t: Translation, x: Number, step: LeakyRelu) -> Number:
    alpha = Fraction(step.alpha)
    x = rising(t, without_offset(t, x))
    straight = times(t, x.value, (Fraction(alpha.denominator),), None)
    slanted = times(t, x.value, (Fraction(alpha.numerator),), None)
    op = Maximum() if alpha <= 1 else Minimum()
    value = t.build.add(op, straight, slanted)
    return replace(x, value=value, scale=tuple(s / alpha.denominator for s in x.scale))


def _abs(t: Translation, x: Number, step: Any) -> Number:
    x = rising(t, without_offset(t, x))
    return replace(x, value=t.build.add(Abs(), x.value))


def _clip(t: Translation, x: Number, step: Clip) -> Number:
    x = rising(t, without_offset(t, x))
    bounds = [Fraction(b) for b in (step.lo, step.hi) if not np.isinf(b)]
    refine = tuple(Fraction(lcm(*(((b / s).denominator) if s else 1 for b in bounds))) for s in x.scale)
    value = times(t, x.value, refine, x.axis)
    scale = tuple(s / r for s, r in zip(x.scale, refine, strict=True))
    for op, bound in ((Maximum(), step.lo), (Minimum(), step.hi)):
        if np.isinf(bound):
            continue
        edge = tuple(Fraction(bound) / s if s else Fraction(0) for s in scale)
        value = t.build.add(op, value, by_channel(t, value, edge, x.axis))
    return replace(x, value=value, scale=scale)


_SETTLE: dict[type, Callable[[Translation, Number, Any], Number]] = {
    Relu: _relu,
    LeakyRelu: _leaky,
    Abs: _abs,
    Clip: _clip,
}


# --- layout -----------------------------------------------------------------------------------------------------------


def layout(t: Translation, op: Any, number: Number) -> Number:
    """Apply an operation that moves, repeats or selects elements; channel scales move along."""
    number = number.narrowed()
    if number.axis is None:
        return replace(number, value=t.build.add(op, number.value))
    moved = moved_axis(op, t.build.type(number.value).shape, number.axis)
    if moved is None:
        number = uniform(t, number)
        return replace(number, value=t.build.add(op, number.value))
    axis, channels = moved

    def pick(side: Fractions) -> Fractions:
        return side if len(side) == 1 else tuple(side[c] for c in channels)

    steps = tuple(Linear(pick(s.scale), pick(s.offset)) if isinstance(s, Linear) else s for s in number.steps)
    value = t.build.add(op, number.value)
    return Number(value, pick(number.scale), pick(number.offset), axis, steps).narrowed()


def moved_axis(op: Any, shape: tuple[int, ...], axis: int) -> tuple[int | None, list[int]] | None:
    """Where the channels of `axis` go: (new axis, channel of each index), or None when they spread over two axes."""
    extents = [1] * len(shape)
    extents[axis] = shape[axis]
    labels = np.broadcast_to(np.arange(shape[axis], dtype=np.int64).reshape(extents), shape)
    moved = op.evaluate(labels[None])[0]
    if moved.size and np.all(moved == moved.ravel()[0]):
        return (0 if moved.ndim else None), [int(moved.ravel()[0])] * (moved.shape[0] if moved.ndim else 1)
    for candidate in range(moved.ndim):
        others = tuple(a for a in range(moved.ndim) if a != candidate)
        line = moved.max(axis=others)
        if np.array_equal(line, moved.min(axis=others)):
            return candidate, [int(c) for c in line]
    return None


def joined(t: Translation, op: Any, numbers: Sequence[Number]) -> Number:
    """Concatenate: one scale where all agree, scales along the joined axis otherwise."""
    plain = [n.narrowed() for n in numbers]
    if all(n.axis is None and (n.scale, n.offset) == (plain[0].scale, plain[0].offset) for n in plain):
        return replace(plain[0], value=t.build.add(op, *(n.value for n in plain)))
    axes = {n.axis for n in plain}
    if len(axes) == 1 and op.axis not in axes and len({(n.scale, n.offset) for n in plain}) == 1:
        return replace(plain[0], value=t.build.add(op, *(n.value for n in plain)))
    wide = [along(t, n, op.axis) for n in plain]
    scale = tuple(s for n in wide for s in n.scale)
    offset = tuple(o for n in wide for o in n.offset)
    return Number(t.build.add(op, *(n.value for n in wide)), scale, offset, op.axis)


def broadcast(t: Translation, number: Number, shape: tuple[int, ...]) -> Number:
    """Repeat the number so that a constant of `shape` fits into it."""
    have = t.build.type(number.value).shape
    want = tuple(np.broadcast_shapes(have, shape))
    if want == have:
        return number
    number = _raised(t, number, len(want))
    if t.build.type(number.value).shape == want:
        return number
    return layout(t, Broadcast(want), number)


def flattened(t: Translation, number: Number) -> Number:
    """All axes as one, scales by element."""
    size = t.build.type(number.value).size
    return layout(t, Reshape((size,)), number).widened(0, size)


def unflattened(t: Translation, number: Number, shape: tuple[int, ...]) -> Number:
    """Back to a shape; scales that differ by element go into the integers."""
    return layout(t, Reshape(shape), uniform(t, number))
