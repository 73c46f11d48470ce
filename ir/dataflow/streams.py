"""What flows between actors, and how an actor behaves in time: streams of tokens, cyclic programs of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc.ir.types import IntType

IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Stream:
    """`count` tokens a sample, each of `lanes` integers of type `kind`."""

    count: int
    lanes: int
    kind: IntType

    @property
    def width(self) -> int:
        """Bits of a token: its lanes side by side, lane 0 in the low bits."""
        return self.lanes * self.kind.bits

    @property
    def size(self) -> int:
        return self.count * self.lanes

    def __str__(self) -> str:
        return f"{self.count} x {self.lanes} x {self.kind}"


@dataclass(frozen=True, eq=False)
class Process:
    """A sequential part of an actor: it repeats `steps` steps for ever, at most one a clock.

    Step i takes `takes[place][i]` tokens and gives `gives[place][i]`. A place is a port ('in0', 'out0') or one of the
    actor's own counters. What is given to a port comes out `delay` clocks later, through a pipeline that moves as one;
    0 means within the step. A step waits until it can take everything (and, at delay 0, give everything).
    """

    steps: int
    takes: Mapping[str, IntArray]
    gives: Mapping[str, IntArray]
    delay: int = 0


@dataclass(frozen=True, eq=False)
class Behaviour:
    """The processes of an actor, and its own counters with their initial values."""

    processes: tuple[Process, ...]
    counters: Mapping[str, int] = field(default_factory=dict)


def every(steps: int) -> IntArray:
    """A token at each step."""
    return np.ones(steps, np.int64)


def at(steps: int, places: Any) -> IntArray:
    """A token at the named steps."""
    found = np.zeros(steps, np.int64)
    found[places] = 1
    return found
