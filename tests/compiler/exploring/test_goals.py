"""Constraints and fronts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.exploring.goals import Constraint, dominates, feasible, front

POINTS = st.lists(st.fixed_dictionaries({"a": st.integers(0, 4), "b": st.integers(0, 4)}), min_size=1, max_size=12)
WANTED = {"a": "max", "b": "min"}


@pytest.mark.parametrize("text", ["accuracy", "accuracy > 1", "accuracy >= x", "a >= 1 and b <= 2", ""])
def test_not_a_constraint(text: str) -> None:
    with pytest.raises(ValueError, match="must be 'FIGURE >= NUMBER' or 'FIGURE <= NUMBER', a number or"):
        Constraint.parsed(text)


def test_feasible() -> None:
    rules = [Constraint.parsed("accuracy >= .9"), Constraint.parsed("power_mw.1.0 <= 3e0")]
    assert feasible(rules, {"accuracy": 0.9, "power_mw.1.0": 3.0})
    assert not feasible(rules, {"accuracy": 0.89, "power_mw.1.0": 3.0})
    assert not feasible(rules, {"accuracy": 0.95})  # what is not known does not hold


def test_default() -> None:
    rule = Constraint.parsed("luts <= default")
    assert str(rule) == "luts <= default" and not feasible([rule], {"luts": 1.0})
    assert feasible([rule.against({"luts": 7.0})], {"luts": 7.0})
    assert not feasible([rule.against({"luts": 7.0})], {"luts": 8.0})
    assert rule.against({}) == rule


@settings(derandomize=True, deadline=None, max_examples=200)
@given(POINTS)
def test_front(points: list[dict[str, int]]) -> None:
    best = [points[i] for i in front(points, WANTED)]
    assert best
    assert not any(dominates(p, q, WANTED) for p in best for q in best)
    for point in points:
        assert point in best or any(dominates(p, point, WANTED) for p in best)
    assert len({tuple(p.values()) for p in best}) == len(best)
