"""gather, scatter, fork: tokens made wider, narrower, and given to several readers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, at, every


@dataclass(frozen=True, eq=False)
class Gather(Actor):
    """`factor` tokens become one, the first in the low lanes."""

    factor: int

    name = "gather"
    delay = 1

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        x = inputs[0]
        return (Stream(x.count // self.factor, x.lanes * self.factor, x.kind),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0]
        return (x.reshape(len(x), -1, x.shape[2] * self.factor),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        n = self.factor
        return Behaviour((Process(n, {"in0": every(n)}, {"out0": at(n, n - 1)}, self.delay),))


@dataclass(frozen=True, eq=False)
class Scatter(Actor):
    """A token becomes `factor` tokens, the low lanes first."""

    factor: int

    name = "scatter"
    delay = 1

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        x = inputs[0]
        return (Stream(x.count * self.factor, x.lanes // self.factor, x.kind),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0]
        return (x.reshape(len(x), -1, x.shape[2] // self.factor),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        n = self.factor
        return Behaviour((Process(n, {"in0": at(n, 0)}, {"out0": every(n)}, self.delay),))


@dataclass(frozen=True, eq=False)
class Fork(Actor):
    """Every token goes to each of `ways` readers at once."""

    ways: int

    name = "fork"

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        return (inputs[0],) * self.ways

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (inputs[0],) * self.ways

    def behaviour(self, *inputs: Stream) -> Behaviour:
        gives = {f"out{k}": np.ones(1, np.int64) for k in range(self.ways)}
        return Behaviour((Process(1, {"in0": every(1)}, gives),))
