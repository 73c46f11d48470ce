"""DATA at the ports: real samples to the integers of the model's input, and what integers of an output stand for.

The port's meaning real = scale * q + offset is part of the input's type, its rounding of the input, hence both of
model.nc. A sample x becomes q = clamp(round half even(x / scale) + zero_point) where the model asks for no other
rounding; the division of real samples is that of float32, as in the model's runtime.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.data import Dataset
from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph
from nc.ir.ops.input import NEAREST, SIGN, Input
from nc.ir.ops.quantize import ROUNDINGS
from nc.ir.types import Affine, TensorType

Array = NDArray[Any]

CLASS = "class"  # the name of an output that is a decision


def to_port(x: Array, kind: TensorType, rounding: str = NEAREST) -> NDArray[np.int64]:
    """Real samples (N, *shape) as integers of `kind`; out of range values are clamped, as an ADC would.

    `rounding`: the field of the graph's input.
    """
    if rounding == SIGN:
        return np.where(x >= 0, np.int64(1), np.int64(-1))
    element = kind.int
    meaning = kind.meaning or Affine()
    extent = [1] * (1 + kind.rank)
    if meaning.axis is not None:
        extent[1 + meaning.axis] = -1
    scale = np.array([float(s) for s in meaning.scale]).reshape(extent)
    zero_point = np.array([float(-o / s) for o, s in zip(meaning.offset, meaning.scale)]).reshape(extent)
    scaled = _divided(x, scale)
    if element.step != 1:
        steps = np.rint((scaled + zero_point - element.lo) / element.step)
    elif rounding == NEAREST:  # ties are those of x / scale: an odd zero point must not turn them round
        steps = np.rint(np.rint(scaled) + zero_point) - element.lo
    else:
        steps = ROUNDINGS[rounding](scaled + zero_point) - element.lo
    whole = np.clip(steps, 0, (element.hi - element.lo) // element.step).astype(np.int64)
    return np.asarray(element.lo + element.step * whole)


def _divided(x: Array, scale: Array) -> NDArray[np.float64]:
    """x / scale in float32, since that is what the model's runtime rounds; whole numbers in float64."""
    if x.dtype.kind != "f":
        return np.asarray(x.astype(np.float64) / scale)
    with np.errstate(over="ignore"):
        return np.asarray(x.astype(np.float32) / scale.astype(np.float32), np.float64)


def real_of(q: Array, kind: TensorType) -> NDArray[np.float64]:
    """What integers of a value stand for, in float64: scale * q + offset."""
    meaning = kind.meaning or Affine()
    extent = [1] * (1 + kind.rank)
    if meaning.axis is not None:
        extent[1 + meaning.axis] = -1
    scale = np.array([float(s) for s in meaning.scale]).reshape(extent)
    offset = np.array([float(o) for o in meaning.offset]).reshape(extent)
    return np.asarray(q * scale + offset, np.float64)


def inputs_of(graph: Graph, data: Dataset) -> dict[str, Array]:
    """The arrays for the interpreter: integers at integer ports, real numbers at float ones (NC406)."""
    return {
        label: to_port(samples, graph.type(graph.inputs[label]), port_rounding(graph, label))
        if graph.type(graph.inputs[label]).is_int
        else samples
        for label, samples in real_inputs_of(graph, data).items()
    }


def port_rounding(graph: Graph, label: str) -> str:
    """How real numbers become the integers of this input."""
    op = graph.nodes[graph.inputs[label]].op
    assert isinstance(op, Input)
    return op.rounding


def real_inputs_of(graph: Graph, data: Dataset) -> dict[str, Array]:
    """DATA as it stands, in the shapes of the inputs: one takes x, several the arrays of their names (NC406)."""
    if len(graph.inputs) == 1:
        ((label, value),) = graph.inputs.items()
        return {label: data.shaped(graph.type(value).shape)}
    if missing := [label for label in graph.inputs if label not in data.named]:
        wanted, found = ", ".join(graph.inputs), ", ".join(data.named) or "x"
        fail("NC406", f"data must hold an array for each input of the model, {wanted}, not only {found}",
             where=Where(data.name, tensor=missing[0]),
             help=f"np.savez('data.npz', {', '.join(f'{label}=...' for label in graph.inputs)}, y=labels)")  # fmt: skip
    return {label: data.shaped(graph.type(value).shape, label) for label, value in graph.inputs.items()}
