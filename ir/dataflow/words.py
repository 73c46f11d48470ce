"""words: a word graph applied to every token: element-wise arithmetic, with constants from a memory where they vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, every
from nc.ir.types import IntType
from nc.ir.words import WordGraph, evaluate


@dataclass(frozen=True, eq=False)
class Words(Actor):
    """One token of each input gives one of the output: `graph`, pipelined by `stages` registers.

    The graph's inputs are the tokens in order; where `params` (period, numbers) has columns, one more input holds
    row i mod period for token i.
    """

    graph: WordGraph
    stages: int
    params: IntArray

    name = "words"

    @property
    def delay(self) -> int:
        return self.stages + bool(self.params.shape[1])

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        port = self.graph.outputs[0]
        low = min(int(self.graph.lo[n]) for n in port.nodes.tolist())
        high = max(int(self.graph.hi[n]) for n in port.nodes.tolist())
        return (Stream(inputs[0].count, port.tensor.size, IntType(low, high)),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        samples, count = inputs[0].shape[:2]
        flat = [x.reshape(samples * count, -1) for x in inputs]
        if self.params.shape[1]:
            rows = self.params[np.arange(count) % len(self.params)]
            flat.append(np.tile(rows, (samples, 1)))
        (made,) = evaluate(self.graph, flat)
        return (made.reshape(samples, count, -1),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        takes = {f"in{k}": every(1) for k in range(len(inputs))}
        return Behaviour((Process(1, takes, {"out0": every(1)}, self.delay),))
