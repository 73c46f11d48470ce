"""DATA at the ports: real samples to the integers of the model's input, and integer results to decisions.

The port's meaning real = scale * q + offset is part of the input's type, hence of model.nc. A sample x becomes
q = clamp(round(x / scale + zero_point)), ties to even, in float64: what a `quantize` operation does.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.config import InputSection
from nc.compiler.data import Dataset
from nc.compiler.passes.integerize import Port
from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph
from nc.ir.ops.argmax import ArgMax
from nc.ir.types import Affine, TensorType, natural_range

Array = NDArray[Any]


def port_of(section: InputSection) -> Port | None:
    """The port that `input.<name>` describes; None when it leaves the grid to the model or to calibration.

    With a `scale`, `range` narrows the integers; without, the finest power of two is taken with which `range` fits.
    """
    if section.scale is None and section.range is None:
        return None
    signed = section.signed if section.signed is not None else section.range is not None and section.range[0] < 0
    lo, hi = natural_range(section.bits, signed)
    scale = section.scale
    if section.range is None:
        return Port(lo, hi, Fraction(scale or 1), section.zero_point)
    low, high = section.range
    if scale is None:
        scale = _finest(low, high, lo - section.zero_point, hi - section.zero_point)
    narrow = (round(low / scale) + section.zero_point, round(high / scale) + section.zero_point)
    if not lo <= narrow[0] <= narrow[1] <= hi:
        fail("NC412", f"input.range must lie within {lo}..{hi} steps of {scale}, not {narrow[0]}..{narrow[1]}",
             help="more bits, a larger scale, or signed: true")  # fmt: skip
    return Port(*narrow, scale, section.zero_point)


def _finest(low: Fraction, high: Fraction, lo: int, hi: int) -> Fraction:
    """The smallest power of two s with round(low / s) >= lo and round(high / s) <= hi."""
    if low > high or (low < 0 <= lo) or (high > 0 >= hi):
        fail("NC412", f"input.range must be an ascending range that the port can hold, not {low}..{high}",
             help="signed: true admits values below 0")  # fmt: skip
    exponent = -64
    while exponent < 64 and (round(low / Fraction(2) ** exponent) < lo or round(high / Fraction(2) ** exponent) > hi):
        exponent += 1
    return Fraction(2) ** exponent


def to_port(x: Array, kind: TensorType) -> NDArray[np.int64]:
    """Real samples (N, *shape) as integers of `kind`; out of range values are clamped, as an ADC would."""
    element = kind.int
    meaning = kind.meaning or Affine()
    extent = [1] * (1 + kind.rank)
    if meaning.axis is not None:
        extent[1 + meaning.axis] = -1
    scale = np.array([float(s) for s in meaning.scale]).reshape(extent)
    zero_point = np.array([float(-o / s) for o, s in zip(meaning.offset, meaning.scale)]).reshape(extent)
    scaled = x.astype(np.float64) / scale + zero_point
    steps = np.rint((scaled - element.lo) / element.step) if element.step != 1 else np.rint(scaled) - element.lo
    whole = np.clip(steps, 0, (element.hi - element.lo) // element.step).astype(np.int64)
    return np.asarray(element.lo + element.step * whole)


def inputs_of(graph: Graph, data: Dataset) -> dict[str, Array]:
    """The arrays for the interpreter: integers at integer ports, real numbers at float ones (NC406)."""
    if len(graph.inputs) != 1:
        names = ", ".join(graph.inputs)
        fail("NC406", f"the model must have one input to be fed with x, not {len(graph.inputs)} ({names})",
             where=Where(file=data.name))  # fmt: skip
    ((label, value),) = graph.inputs.items()
    kind = graph.type(value)
    samples = data.shaped(kind.shape)
    return {label: to_port(samples, kind) if kind.is_int else samples}


def decisions(graph: Graph, outputs: dict[str, Array]) -> NDArray[np.int64]:
    """The class of each sample: the index of the largest number of the first output, ties to the lowest.

    An output that is the result of an arg-max is a class index already; a single number a sample is a logit of two
    classes, decided by the sign of the real number it stands for.
    """
    label, value = next(iter(graph.outputs.items()))
    flat = outputs[label].reshape(len(outputs[label]), -1)
    if graph.nodes[value].op.name == ArgMax.name:
        return np.asarray(flat[:, 0], np.int64)
    if flat.shape[1] > 1:
        return np.asarray(flat.argmax(axis=1), np.int64)
    meaning = graph.type(value).meaning or Affine()
    zero = float(-meaning.offset[0] / meaning.scale[0])
    return np.asarray(flat[:, 0] > zero, np.int64)
