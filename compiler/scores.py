"""How near answers are to labels and to each other: accuracy, RMSE, R², signal-to-quantisation-noise ratio."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def share(decided: Array, wanted: Array) -> float:
    """The share of equal class indices."""
    return float(np.mean(decided == wanted))


def rmse(found: Array, wanted: Array) -> float:
    """The root of the mean squared difference, over samples and outputs."""
    return float(np.sqrt(np.mean((found - wanted) ** 2)))


def r_squared(found: Array, wanted: Array) -> float | None:
    """1 - squared error / squared deviation from each output's mean, (N, k) together; None where labels do not vary.

    >>> r_squared(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]))
    0.5
    """
    deviation = float(((wanted - wanted.mean(axis=0)) ** 2).sum())
    return None if deviation == 0 else 1 - float(((found - wanted) ** 2).sum()) / deviation


def sqnr_db(found: Array, wanted: Array) -> float | None:
    """10 log10(sum wanted² / sum (found - wanted)²); None where one of the two is 0: no error, or no signal.

    >>> sqnr_db(np.array([1.1]), np.array([1.0]))
    20.0
    """
    signal, noise = float((wanted**2).sum()), float(((found - wanted) ** 2).sum())
    return None if signal == 0 or noise == 0 else round(10 * float(np.log10(signal / noise)), 2)
