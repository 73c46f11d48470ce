"""Choosing scales: from the extremes, a percentile, or the least mean squared error; powers of two or any."""

from __future__ import annotations

import math

import numpy as np

from nc.compiler.config import QuantiseSection
from nc.compiler.passes.quantise.statistics import Statistics
from nc.ir.ops.base import Array
from nc.ir.types import natural_range

SHRINK = np.linspace(1.0, 0.3, 36)  # candidate ranges of the 'mse' method, as parts of the extremes
HALVINGS = 3  # candidate powers of two below the one that covers everything


def activation_scale(seen: Statistics, bits: int, signed: bool, section: QuantiseSection) -> float:
    """The step of an activation quantiser over natural_range(bits, signed)."""
    lo, hi = natural_range(bits, signed)
    reach = max(seen.hi / hi if hi else 0.0, seen.lo / lo if lo else 0.0)
    if section.method == "percentile":
        top, bottom = np.percentile(seen.sample, [section.percentile, 100 - section.percentile])
        reach = max(float(top) / hi if hi else 0.0, float(bottom) / lo if lo else 0.0) or reach
    return _choose(seen.sample, reach, lo, hi, section)


def weight_scale(data: Array, bits: int, axis: int | None, section: QuantiseSection) -> Array:
    """The step of a weight quantiser over the symmetric range, shape () or (channels along `axis`) to broadcast.

    One-bit weights are -1 and +1 times the mean magnitude.
    """
    hi = max(natural_range(bits, True)[1], 1)
    if axis is None:
        return np.asarray(_weight(data.ravel(), hi, section))
    lines = np.moveaxis(data, axis, 0).reshape(data.shape[axis], -1)
    scales = np.array([_weight(line, hi, section) for line in lines])
    return scales.reshape([-1 if a == axis else 1 for a in range(data.ndim)])


def _weight(line: Array, hi: int, section: QuantiseSection) -> float:
    return _choose(line, float(np.abs(line).max(initial=0.0)) / hi, -hi, hi, section)


def _choose(sample: Array, reach: float, lo: int, hi: int, section: QuantiseSection) -> float:
    """The scale near `reach` (the one that just covers the data) by the section's method."""
    if not reach > 0:
        return 1.0
    candidates: list[float]
    if section.scales == "power_of_two":
        cover = 2.0 ** math.ceil(math.log2(reach) - 1e-12)
        candidates = [cover / 2**k for k in range(HALVINGS)]
    else:
        candidates = [float(np.float32(reach * part)) for part in SHRINK]
    if section.method != "mse":
        return candidates[0]
    errors = [float(np.mean((np.clip(np.rint(sample / s), lo, hi) * s - sample) ** 2)) for s in candidates]
    return candidates[int(np.argmin(errors))]
