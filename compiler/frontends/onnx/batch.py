"""Which axis of an input is the batch, and the proof by example that samples do not depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nc.ir.diagnostics import NcError
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.base import Array
from nc.ir.types import BOOL, F32, IntType, TensorType

Batch = str | int | None
"""'auto', the axis itself, or None where no axis is a batch."""

_TOLERANCE = 1e-9  # of float64 sums in another order, relative to the greatest value


def batch_axis(batch: Batch, declared: Sequence[int | str]) -> int | None:
    """The batch axis of an input of declared extents (numbers, or names of unknown ones).

    'auto' takes the one axis that has no number, and the leading one where that does not decide.
    """
    if batch is None or isinstance(batch, int):
        return batch
    unknown = [axis for axis, extent in enumerate(declared) if not isinstance(extent, int)]
    return unknown[0] if len(unknown) == 1 else 0


def result_axis(shape: tuple[int, ...], several: tuple[int, ...] | None, likely: int | None) -> int | None:
    """Where the batch lies in a result computed for one sample: None where the result has no such axis.

    shape: the result for one sample. several: the same for more samples, None where the file holds one sample only.
    likely: the axis that the file names. Raises ValueError when `several` differs in more than one axis.
    """
    if several is not None:
        differ = [a for a, (one, more) in enumerate(zip(shape, several, strict=False)) if one != more]
        if len(shape) != len(several) or len(differ) != 1 or shape[differ[0]] != 1:
            raise ValueError("the result must have one extent for each sample")
        return differ[0]
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    return likely if likely in ones else next(iter(ones), None)


def independent(one: Graph, several: Graph, axes: Mapping[str, int], results: Mapping[str, int], count: int) -> bool:
    """Does `several`, which takes `count` samples at once, give what `one` gives of each, on random numbers?

    axes, results: the batch axis of every input and output in `several`, by name.
    """
    random = np.random.default_rng(0)
    samples = {name: _random(random, count, one.type(value)) for name, value in one.inputs.items()}
    joined = {name: np.moveaxis(array, 0, axes[name])[None] for name, array in samples.items()}
    try:
        alone, together = evaluate(one, samples), evaluate(several, joined)
    except NcError:  # numbers out of range: no proof
        return False
    return all(_near(alone[name], np.moveaxis(together[name][0], axis, 0)) for name, axis in results.items())


def _random(random: np.random.Generator, count: int, kind: TensorType) -> Array:
    shape = (count, *kind.shape)
    if kind.element == F32:
        return random.normal(size=shape)
    if kind.element == BOOL:
        return random.integers(0, 2, shape).astype(np.bool_)
    lo, hi = (kind.element.lo, kind.element.hi) if isinstance(kind.element, IntType) else (0, 1)
    return random.integers(lo, hi + 1, shape)


def _near(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    finite = np.abs(a.astype(np.float64))[np.isfinite(a)] if a.dtype.kind != "b" else np.zeros(0)
    scale = float(finite.max(initial=1.0))
    return bool(np.allclose(a.astype(np.float64), b.astype(np.float64), 1e-6, _TOLERANCE * scale, equal_nan=True))
