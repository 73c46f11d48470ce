"""Operating margins: how far a parameter may move from nominal while a circuit still works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Margin:
    """`low` and `high`: the last factors that work in steps of `step` from 1; None when nominal itself fails."""

    low: float | None
    high: float | None
    step: float

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return "fails at nominal"
        return f"{100 * (self.low - 1):+.0f}/{100 * (self.high - 1):+.0f} %"


def margin(works: Callable[[float], bool], *, step: float = 0.02, limit: float = 0.6) -> Margin:
    """Walk down and up from 1 in steps until `works(factor)` fails (regions beyond the first failure do not count).

    Strides of 5 steps, then single ones, so that a wide margin costs few runs; a hole inside a stride is not seen.
    """
    if not works(1.0):
        return Margin(None, None, step)

    def walk(sign: int) -> float:
        most, at = round(limit / step), 0
        while at < most and works(1 + sign * step * min(at + 5, most)):
            at = min(at + 5, most)
        while at < most and works(1 + sign * step * (at + 1)):
            at += 1
        return 1 + sign * step * at

    return Margin(round(walk(-1), 6), round(walk(1), 6), step)
