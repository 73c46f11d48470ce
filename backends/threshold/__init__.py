"""The threshold target: TULIP-style arrays of threshold-logic elements, and FTL cells for any logic."""

from nc.backends.threshold.backend import BACKEND

__all__ = ["BACKEND"]
