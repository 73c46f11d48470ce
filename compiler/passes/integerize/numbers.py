"""What a value of the float graph is while it turns into integers: a chain of real functions of an integer tensor.

`Number`: real = step_n(... step_1(scale[c] * q + offset[c])) with q a tensor of the integer graph and c the index
along `axis`. Linear operations change scale and offset only, exactly, as fractions; everything else is kept as a
step until a quantiser makes integers of it again. `Known`: a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import gcd, lcm

import numpy as np

from nc.ir.graph import Value
from nc.ir.ops.base import Array
from nc.ir.ops.unary import RealFunction
from nc.ir.simplest import scale_of
from nc.ir.types import Affine

Fractions = tuple[Fraction, ...]


@dataclass(frozen=True)
class Linear:
    """The step x -> scale[c] * x + offset[c]; tuples of length 1 serve all channels."""

    scale: Fractions
    offset: Fractions


Step = Linear | RealFunction


@dataclass(frozen=True)
class Number:
    """A real tensor as a chain over the integer tensor `value`; `axis` None means one channel for the tensor."""

    value: Value
    scale: Fractions = (Fraction(1),)
    offset: Fractions = (Fraction(0),)
    axis: int | None = None
    steps: tuple[Step, ...] = ()

    @property
    def channels(self) -> int:
        return len(self.scale)

    @property
    def linear(self) -> bool:
        """No steps: real = scale * q + offset."""
        return not self.steps

    @property
    def meaning(self) -> Affine:
        return Affine(self.scale, self.offset, self.axis)

    def widened(self, axis: int, channels: int) -> Number:
        """The same number with one scale and offset for each index of `axis` (from one for the tensor)."""
        if self.axis == axis:
            return self

        def wide(side: Fractions) -> Fractions:
            return side * channels if len(side) == 1 else side

        steps = tuple(Linear(wide(s.scale), wide(s.offset)) if isinstance(s, Linear) else s for s in self.steps)
        return replace(self, scale=wide(self.scale), offset=wide(self.offset), axis=axis, steps=steps)

    def narrowed(self) -> Number:
        """One channel for the tensor again where all are the same."""
        if self.axis is None or not _same(self.scale) or not _same(self.offset):
            return self
        if not all(_same(s.scale) and _same(s.offset) for s in self.steps if isinstance(s, Linear)):
            return self
        steps = tuple(Linear(s.scale[:1], s.offset[:1]) if isinstance(s, Linear) else s for s in self.steps)
        return replace(self, scale=self.scale[:1], offset=self.offset[:1], axis=None, steps=steps)

    def then(self, step: Step) -> Number:
        """Append a step; a linear step on a linear number, or after another linear step, is absorbed."""
        if not isinstance(step, Linear):
            return replace(self, steps=(*self.steps, step))
        last = self.steps[-1] if self.steps else Linear(self.scale, self.offset)
        if not isinstance(last, Linear):
            return replace(self, steps=(*self.steps, step))
        merged = compose(last, step)
        if not self.steps:
            return replace(self, scale=merged.scale, offset=merged.offset)
        return replace(self, steps=(*self.steps[:-1], merged))


@dataclass(frozen=True)
class Known:
    """A constant: `real` (float64, sample shape); when it was quantised also its integers and their meaning."""

    real: Array
    ints: Array | None = None
    scale: Fractions = (Fraction(1),)
    axis: int | None = None

    def view(self, rank: int) -> tuple[int | None, Fractions] | None:
        """The exact values, one a channel, as `channel_view` has them: from the integers where there are any,
        since a scale of many bits times an integer may not fit a float."""
        if self.ints is None or len(self.scale) == 1:
            found = channel_view(self.real if self.ints is None else self.ints, rank)
            factor = self.scale[0] if self.ints is not None else Fraction(1)
            return None if found is None else (found[0], tuple(v * factor for v in found[1]))
        found = channel_view(self.ints, rank)
        axis = None if self.axis is None else self.axis + rank - self.ints.ndim
        if found is None or found[0] not in (None, axis):
            return None
        values = found[1] * len(self.scale) if len(found[1]) == 1 else found[1]
        return axis, tuple(v * s for v, s in zip(values, self.scale, strict=True))

    def elements(self) -> Fractions:
        """The exact value of each element, row-major."""
        if self.ints is None:
            return fractions(self.real)
        extents = [-1 if a == self.axis else 1 for a in range(self.ints.ndim)]
        channel = np.broadcast_to(np.arange(len(self.scale)).reshape(extents or 1), self.ints.shape or (1,))
        return tuple(int(q) * self.scale[c] for q, c in zip(self.ints.ravel(), channel.ravel(), strict=True))


@dataclass(frozen=True)
class Whole:
    """An integer tensor that no `dequantize` has given a meaning yet."""

    value: Value


@dataclass(frozen=True, eq=False)
class Sum:
    """A sum of numbers that has not been computed: its reader says how finely it has to be.

    `terms` are linear numbers without steps, of one rank, along one axis or none; the steps follow the sum. `origin`
    is the node of the model that adds them.
    """

    terms: tuple[Number, ...]
    origin: str
    steps: tuple[Step, ...] = ()

    def then(self, step: Step) -> Sum:
        """Append a step; a linear one of a plain sum goes into its terms."""
        if not isinstance(step, Linear):
            return replace(self, steps=(*self.steps, step))
        if self.steps:
            tail = Number(-1, steps=self.steps).then(step)  # joins a linear step before it
            return replace(self, steps=tail.steps)
        first, *others = self.terms
        scaled = Linear(step.scale, (Fraction(0),) * len(step.scale))
        return replace(self, terms=(first.then(step), *(term.then(scaled) for term in others)))


Form = Number | Known | Whole | Sum


def compose(first: Linear, second: Linear) -> Linear:
    """second after first."""
    count = max(len(first.scale), len(second.scale))

    def wide(side: Fractions) -> Fractions:
        return side * count if len(side) == 1 else side

    inner = zip(wide(first.scale), wide(first.offset), strict=True)
    outer = zip(wide(second.scale), wide(second.offset), strict=True)
    pairs = [(s1 * s2, o1 * s2 + o2) for (s1, o1), (s2, o2) in zip(inner, outer, strict=True)]
    return Linear(tuple(s for s, _ in pairs), tuple(o for _, o in pairs))


def _same(side: Fractions) -> bool:
    return all(f == side[0] for f in side)


def fractions(array: Array) -> Fractions:
    """The exact values of a float array, flattened."""
    return tuple(Fraction(v) for v in np.asarray(array, np.float64).ravel().tolist())


def channel_view(array: Array, rank: int) -> tuple[int | None, Fractions] | None:
    """A constant as one fraction a channel: (axis, values), (None, one value), or None when it varies along more
    than one axis. `rank` is the rank of the tensor it broadcasts with."""
    lined = array.reshape((1,) * (rank - array.ndim) + array.shape) if array.ndim <= rank else array
    if lined.ndim > rank:
        return None
    if lined.size and np.all(lined == lined.ravel()[0]):
        return None, fractions(lined.ravel()[:1])
    axes = [a for a, extent in enumerate(lined.shape) if extent > 1]
    if len(axes) == 1:
        return axes[0], fractions(lined)
    for axis in axes:  # constant along all axes but one
        others = tuple(a for a in range(lined.ndim) if a != axis)
        if np.all(lined == lined.max(axis=others, keepdims=True)):
            return axis, fractions(lined.max(axis=others))
    return None


def scale_view(array: Array, rank: int) -> tuple[int | None, Fractions] | None:
    """`channel_view` of scales, each as the fraction that it stands for."""
    found = channel_view(array, rank)
    return None if found is None else (found[0], tuple(scale_of(float(v)) for v in found[1]))


def common_grid(values: Sequence[Fraction]) -> Fraction:
    """The largest fraction of which all values are integer multiples (1 for none or all zero)."""
    nonzero = [abs(v) for v in values if v]
    if not nonzero:
        return Fraction(1)
    denominator = reduce(lcm, (v.denominator for v in nonzero))
    numerator = reduce(gcd, (v.numerator * (denominator // v.denominator) for v in nonzero))
    return Fraction(numerator, denominator)
