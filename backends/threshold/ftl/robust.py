"""Weights in flash transistors: threshold voltages of the widest margin, and yield under Gaussian noise.

A weight is the drive of a flash transistor: the shift of its threshold voltage below that of weight 0, in mV, from 0
to the window. Noise of sigma on a threshold voltage is noise of sigma on its weight; the gate decides right while the
noisy sum of every minterm stays on its side of the noisy reference. Voltages are free within the window: they come from
a linear program that maximises the margin, not from the integer weights that prove the function a threshold function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nc.backends.threshold.ftl.identify import Threshold, minterms
from nc.ir.diagnostics import InternalError, ToolMissing, fail

WINDOW_STEPS = 5
"""The window is this many of the technology's voltage steps: the largest weight of a five-input cell."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Robustness:
    """`voltages_mv`: threshold voltage shift of each input's transistor, then of the reference; `margin_mv`: distance
    of the nearest sum from the switching point; `yield_`: share of Monte-Carlo samples that compute every minterm
    right; `failure`: upper bound on the share that does not (Gaussian tails, summed over the minterms)."""

    voltages_mv: tuple[float, ...]
    margin_mv: float
    yield_: float
    failure: float


def widest(points: Array, values: Array, window: float) -> Array:
    """Weights and reference (mV) that maximise the least distance of any sum from the reference, weights in the window.

    points (m, n) 0/1 of a positive function, values (m,) bool.
    """
    try:
        from scipy.optimize import linprog
    except ImportError:
        fail("NC500", "threshold voltages need scipy", help="pip install scipy", kind=ToolMissing)
    n = points.shape[1]
    side = np.where(values, 1.0, -1.0)
    rows = np.column_stack([-side[:, None] * points, side, np.ones(len(points))])  # margin <= side * (w x - reference)
    bounds = [(0.0, window)] * n + [(None, None), (0.0, 2 * window * n)]
    found = linprog([0.0] * (n + 1) + [-1.0], A_ub=rows, b_ub=np.zeros(len(points)), bounds=bounds, method="highs")
    if found.status != 0:
        raise InternalError("a threshold function has no threshold voltages")
    return np.asarray(found.x[:-1])


@lru_cache(maxsize=4096)
def robustness(gate: Threshold, step_mv: float, sigma_mv: float, samples: int = 20000, seed: int = 1) -> Robustness:
    """Voltages, margin and yield of `samples` programmed cells; negative weights use the inverted input.

    Constants (all sums on one side) are right whatever the noise.
    """
    inverted = np.array(gate.weights) < 0
    points = minterms(len(gate.weights)).astype(np.float64)
    values = points @ np.array(gate.weights, np.float64) >= gate.threshold
    points = np.where(inverted, 1 - points, points)
    if values.all() or not values.any():
        return Robustness((0.0,) * (len(gate.weights) + 1), math.inf, 1.0, 0.0)
    chosen = widest(points, values, WINDOW_STEPS * step_mv)
    weights, reference = chosen[:-1], float(chosen[-1])
    distance = np.abs(points @ weights - reference)
    sigma = sigma_mv * np.sqrt(points.sum(axis=1) + 1)  # of the transistors that are on, and of the reference
    failure = (
        sum(math.erfc(d / s / math.sqrt(2)) / 2 for d, s in zip(distance, sigma, strict=True)) if sigma_mv else 0.0
    )
    rng = np.random.default_rng(seed)
    noisy = (weights + rng.normal(0.0, sigma_mv, (samples, len(weights)))) @ points.T
    edge = reference + rng.normal(0.0, sigma_mv, (samples, 1))
    right = ((noisy >= edge) == values).all(axis=1)
    voltages = (*(float(w) for w in weights), reference)
    return Robustness(voltages, float(distance.min()), float(right.mean()), min(1.0, failure))
