"""Weights in flash transistors: threshold voltages, robustness margin, and yield under Gaussian noise.

A weight w is the drive of a flash transistor whose threshold voltage stands w steps below that of weight 0. Noise of
sigma on a threshold voltage is noise of sigma / step on its weight; the gate decides right while the noisy sum of every
minterm stays on its side of the switching point, T - 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nc.backends.threshold.ftl.identify import Threshold, minterms


@dataclass(frozen=True)
class Robustness:
    """`voltages_mv`: threshold voltage shift of each input's transistor, then of the reference; `margin_mv`: distance
    of the nearest sum from the switching point; `yield_`: share of cells that compute every minterm right."""

    voltages_mv: tuple[float, ...]
    margin_mv: float
    yield_: float


@lru_cache(maxsize=4096)
def robustness(gate: Threshold, step_mv: float, sigma_mv: float, samples: int = 20000, seed: int = 1) -> Robustness:
    """Monte-Carlo yield of `samples` programmed cells, and the margin; negative weights use the inverted input.

    The scale is free: a function that needs small weights gets larger steps, so that the largest weight uses the whole
    window of `step_mv` times the largest weight of the five-input cell (5).
    """
    weights = np.abs(np.array(gate.weights, np.float64))
    inverted = np.array(gate.weights) < 0
    threshold = gate.threshold - sum(w for w in gate.weights if w < 0)
    unit = step_mv * 5.0 / max(1.0, weights.max(initial=0.0))  # mV of one unit of weight
    points = minterms(len(weights)).astype(np.float64)
    points = np.where(inverted, 1 - points, points)
    total = points @ weights
    middle = threshold - 0.5
    margin = float(np.abs(total - middle).min() * unit)
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, sigma_mv / unit, (samples, len(weights)))
    reference = rng.normal(0.0, sigma_mv / unit, (samples, 1))
    noisy = (weights + noise) @ points.T + reference
    right = ((noisy >= middle) == (total >= threshold)).all(axis=1)
    return Robustness((*(float(w * unit) for w in weights), middle * unit), margin, float(right.mean()))
