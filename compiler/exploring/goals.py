"""What is wanted of a point: constraints on figures, and which points dominate which."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

Metrics = Mapping[str, float]
Directions = Mapping[str, str]

_CONSTRAINT = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=)\s*(default|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


@dataclass(frozen=True)
class Constraint:
    """`metric` <= or >= `bound`; None: the figure of the options as they are, which is known once they are measured.

    >>> rule = Constraint.parsed("accuracy >= 0.95")
    >>> rule.violation({"accuracy": 0.9}) > 0, rule.violation({"accuracy": 0.96}) > 0
    (True, False)
    >>> str(Constraint.parsed("accuracy >= default").against({"accuracy": 0.9}))
    'accuracy >= 0.9'
    """

    metric: str
    relation: str
    bound: float | None

    @classmethod
    def parsed(cls, text: str) -> Constraint:
        """From text. Raises ValueError."""
        found = _CONSTRAINT.fullmatch(text)
        if found is None:
            raise ValueError("must be 'FIGURE >= NUMBER' or 'FIGURE <= NUMBER', a number or 'default'")
        return cls(found[1], found[2], None if found[3] == "default" else float(found[3]))

    def against(self, baseline: Metrics) -> Constraint:
        """With a number for `default`, where the baseline has this figure."""
        return self if self.bound is not None else replace(self, bound=baseline.get(self.metric))

    def violation(self, metrics: Metrics) -> float | None:
        """How far the figure is on the wrong side (<= 0: it is right); None where the figure is not known."""
        if self.metric not in metrics or self.bound is None:
            return None
        value = metrics[self.metric]
        return value - self.bound if self.relation == "<=" else self.bound - value

    def __str__(self) -> str:
        return f"{self.metric} {self.relation} {'default' if self.bound is None else f'{self.bound:g}'}"


def feasible(constraints: Sequence[Constraint], metrics: Metrics) -> bool:
    """Every constraint is known to hold."""
    found = [c.violation(metrics) for c in constraints]
    return all(v is not None and v <= 0 for v in found)


def dominates(a: Metrics, b: Metrics, objectives: Directions) -> bool:
    """`a` is nowhere worse than `b` and somewhere better."""
    gain = [(a[k] - b[k]) * (1 if direction == "max" else -1) for k, direction in objectives.items()]
    return min(gain) >= 0 and max(gain) > 0


def front(points: Sequence[Metrics], objectives: Directions) -> list[int]:
    """Indices of the points that none dominates; of points with equal figures the first."""
    keys = [tuple(p[k] for k in objectives) for p in points]
    return [
        i
        for i, p in enumerate(points)
        if keys.index(keys[i]) == i and not any(dominates(q, p, objectives) for q in points)
    ]
