"""Activations of an integer graph as saturating ramps: what an integrate-and-fire neuron can imitate over time.

Each is a = clamp(slope · z + offset, floor, ceiling) up to rounding; one number a neuron, flattened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.graph import Node
from nc.ir.ops.clip import Clip
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.relu import Relu
from nc.ir.ops.requantize import Requantize
from nc.ir.spiking.network import FloatArray


@dataclass(frozen=True)
class Ramp:
    """`ceiling` infinite where only data can tell."""

    slope: FloatArray
    offset: FloatArray
    floor: FloatArray
    ceiling: FloatArray

    def after(self, first: Ramp) -> Ramp:
        """This ramp applied to the result of `first`."""
        mapped = [self.slope * edge + self.offset for edge in (first.floor, first.ceiling)]
        return Ramp(
            self.slope * first.slope,
            self.slope * first.offset + self.offset,
            np.maximum(self.floor, mapped[0]),
            np.minimum(self.ceiling, mapped[1]),
        )


def ramp(node: Node) -> Ramp | None:
    """The ramp of an activation; None for an operation that is none."""
    make = _TABLE.get(node.op.name)
    return None if make is None else make(node.op, node.type.shape)


def is_activation(node: Node) -> bool:
    return node.op.name in _TABLE


def _spread(values: Any, axis: int, shape: tuple[int, ...]) -> FloatArray:
    """Per-channel values to one a neuron."""
    array = np.asarray(values, np.float64).reshape(-1)
    array = array.reshape(tuple(-1 if k == axis else 1 for k in range(len(shape))) if array.size > 1 else ())
    return np.array(np.broadcast_to(array, shape), np.float64).reshape(-1)


def _requantize(op: Requantize, shape: tuple[int, ...]) -> Ramp:
    unit = 2.0**-op.shift
    # Rounding down loses half a step on average.
    lost = 0.5 if op.rounding == "floor" and op.shift else 0.0
    full = [_spread(v, op.axis, shape) for v in (op.multiplier * unit, op.offset * unit - lost, op.lo, op.hi)]
    return Ramp(*full)


def _relu(op: Relu, shape: tuple[int, ...]) -> Ramp:
    one = np.ones(int(np.prod(shape)))
    return Ramp(one, 0 * one, 0 * one, np.inf * one)


def _clip(op: Clip, shape: tuple[int, ...]) -> Ramp:
    one = np.ones(int(np.prod(shape)))
    return Ramp(one, 0 * one, float(op.lo) * one, float(op.hi) * one)


def _staircase(op: MultiThreshold, shape: tuple[int, ...]) -> Ramp | None:
    """Steps at regular distances are a ramp; the middle of a step is its value.

    A single step is as steep as whole numbers allow, from half a step too low just below it to half a step too high at
    it: a neuron that sees the same number at every tick then fires always or never. None without steps: a constant
    needs no neuron.
    """
    count = op.thresholds.shape[1]
    if not count:
        return None
    first = op.thresholds[:, 0].astype(float)
    if count == 1:
        pitch, first = np.full_like(first, 0.5), first - 0.5 * op.sign
    else:
        pitch = (op.thresholds[:, -1] - first) / (count - 1)
        pitch = np.where(pitch > 0, pitch, np.maximum(np.abs(first), 1.0))
    slope = op.step / pitch * op.sign
    offset = op.base + op.step * 0.5 - slope * first
    ends = sorted((op.base, op.base + op.step * count))
    return Ramp(*(_spread(v, op.axis, shape) for v in (slope, offset, ends[0], ends[1])))


_TABLE: dict[str, Callable[[Any, tuple[int, ...]], Ramp | None]] = {
    "requantize": _requantize,
    "relu": _relu,
    "clip": _clip,
    "multi_threshold": _staircase,
}
