"""Smooth functions: the fast form and the exact one agree, and the stated monotony holds."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from nc.ir.ops import OPS
from nc.ir.ops.unary import RealFunction

ARGUMENTS: dict[str, tuple[object, ...]] = {"clip": (-1.5, 2.0)}
FUNCTIONS = sorted(name for name, kind in OPS.items() if issubclass(kind, RealFunction))
POSITIVE = {"sqrt", "log", "reciprocal"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_exact_and_fast_agree(name: str) -> None:
    function = OPS[name](*ARGUMENTS.get(name, ()))
    assert isinstance(function, RealFunction)
    x = np.linspace(0.25 if name in POSITIVE else -6.03, 6.03, 97)
    fast = function.evaluate(x)
    with mp.workprec(120):
        exact = np.array([float(function.exact(mp.mpf(float(v)))) for v in x])
    np.testing.assert_allclose(fast, exact, rtol=1e-12, atol=1e-13)
    steps = np.diff(exact) * function.monotone
    assert function.monotone == 0 or np.all(steps >= 0)
