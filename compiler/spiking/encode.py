"""Signals to spikes and graded events: samples (N, ...) or sequences (N, T, n) to integers (N, T, n)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.spiking.connect import IntArray


def direct(samples: Any, ticks: int) -> IntArray:
    """The integers themselves at every tick."""
    flat = np.asarray(samples, np.int64).reshape(len(samples), 1, -1)
    return np.repeat(flat, ticks, axis=1)


def rate(samples: Any, ticks: int, *, top: float, seed: int = 0) -> IntArray:
    """A spike with probability value / top at each tick, independently (Bernoulli)."""
    flat = np.asarray(samples, np.float64).reshape(len(samples), 1, -1) / top
    _unit_interval(flat)
    return (np.random.default_rng(seed).random((len(flat), ticks, flat.shape[2])) < flat).astype(np.int64)


def latency(samples: Any, ticks: int, *, top: float) -> IntArray:
    """One spike a value: the larger, the earlier; none for 0."""
    flat = np.asarray(samples, np.float64).reshape(len(samples), 1, -1) / top
    _unit_interval(flat)
    when = np.rint((1 - flat) * (ticks - 1)).astype(np.int64)
    return np.asarray((np.arange(ticks)[None, :, None] == when) & (flat > 0), np.int64)


def delta(sequences: Any, theta: float, *, limit: int | None = None) -> IntArray:
    """Sigma-delta: the change since the last event in whole units of theta, as the neuron model `delta` sends it.

    What the limit cuts off is sent later.
    """
    values = np.asarray(sequences, np.float64)
    sent = np.zeros(values.shape, np.int64)
    level = np.zeros((values.shape[0], values.shape[2]))
    for t in range(values.shape[1]):
        step = np.trunc((values[:, t] - level) / theta)
        step = step if limit is None else np.clip(step, -limit, limit)
        sent[:, t] = step
        level += step * theta
    return sent


def saccades(images: Any, ticks: int, *, rate: float, seed: int = 0, step: int = 3) -> IntArray:
    """Random events of a camera that sees pictures (N, h, w) moved in three straight saccades of `step` pixels.

    Two polarities, (N, ticks, 2 h w): darker, brighter, as N-MNIST was recorded (Orchard et al. 2015). The
    probability of an event follows the change of brightness, scaled so that its mean over the batch is `rate`.
    """
    pictures = np.asarray(images, np.float64)
    chance = np.zeros((len(pictures), ticks, 2, *pictures.shape[1:]))
    for t in range(ticks):
        across, down = ((1, 1), (1, -1), (-1, 0))[t * 3 // ticks]
        moved = (t * 3 % ticks) * step // ticks
        seen = np.roll(pictures, (down * moved, across * moved), (1, 2))
        change = np.roll(seen, (down, across), (1, 2)) - seen
        chance[:, t, 0], chance[:, t, 1] = np.maximum(-change, 0), np.maximum(change, 0)
    chance = chance.reshape(len(pictures), ticks, -1)
    for _ in range(40):  # probabilities stop at 1, so the scale is found by repetition
        chance = np.minimum(chance * (rate / max(float(chance.mean()), 1e-12)), 1.0)
    return (np.random.default_rng(seed).random(chance.shape) < chance).astype(np.int64)


def _unit_interval(flat: Any) -> None:
    if flat.size and (flat.min() < 0 or flat.max() > 1):
        fail("NC911", f"values must lie between 0 and 'top', not reach {flat.min():g} … {flat.max():g} of it")
