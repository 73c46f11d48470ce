"""argmax: the place of the greatest element of a sample; ties go to the lowest place, or to the highest."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, at, every
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class ArgMax(Actor):
    """Over `tokens` tokens: first the best lane of a token, then the best so far."""

    tokens: int
    last: bool = False

    name = "argmax"
    delay = 2

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        x = inputs[0]
        return (Stream(x.count // self.tokens, 1, IntType(0, self.tokens * x.lanes - 1)),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0]
        rows = x.reshape(len(x), x.shape[1] // self.tokens, -1)
        if self.last:
            return ((rows.shape[2] - 1 - rows[:, :, ::-1].argmax(axis=2))[:, :, None],)
        return (rows.argmax(axis=2)[:, :, None],)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        n = self.tokens
        return Behaviour((Process(n, {"in0": every(n)}, {"out0": at(n, n - 1)}, self.delay),))
