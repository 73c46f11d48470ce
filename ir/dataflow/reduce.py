"""reduce: the sum or the greatest of a run of tokens, lane by lane: pooling, also over interleaved groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, at, every
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class Reduce(Actor):
    """`rounds` rounds of `groups` tokens become one round: token g of the result reduces token g of every round.

    `how`: 'sum' or 'max'. With one group it reduces consecutive tokens, as a sliding window gives them.
    """

    how: str
    rounds: int
    groups: int = 1

    name = "reduce"

    @property
    def steps(self) -> int:
        return self.rounds * self.groups

    @property
    def delay(self) -> int:
        """One group is held in a register, several in a memory that is read first."""
        return 1 if self.groups == 1 else 2

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        x = inputs[0]
        kind = x.kind if self.how == "max" else IntType(x.kind.lo * self.rounds, x.kind.hi * self.rounds)
        return (Stream(x.count // self.rounds, x.lanes, kind),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0]
        rows = x.reshape(len(x), -1, self.rounds, self.groups, x.shape[2])
        made = rows.max(axis=2) if self.how == "max" else rows.sum(axis=2)
        return (made.reshape(len(x), -1, x.shape[2]),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        last = np.arange(self.steps - self.groups, self.steps)
        return Behaviour((Process(self.steps, {"in0": every(self.steps)}, {"out0": at(self.steps, last)}, self.delay),))
