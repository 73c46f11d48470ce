"""staircase: how many thresholds a value reaches, thresholds by channel, found by bisection, one bit a clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, every
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class Staircase(Actor):
    """base + step * #{k: x >= thresholds[i mod period, lane, k]} for token i; where `falling`, of the others.

    `thresholds` (period, lanes, K), ascending along K; `falling` (period, lanes), 1 where the steps that are not
    reached count.
    """

    thresholds: IntArray
    falling: IntArray
    base: int = 0
    step: int = 1

    name = "staircase"

    @property
    def bits(self) -> int:
        """Of the count."""
        return int(self.thresholds.shape[2]).bit_length()

    @property
    def delay(self) -> int:
        """A memory read for each bit, and the last comparison."""
        return self.bits + 1

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        top = self.base + self.step * self.thresholds.shape[2]
        kind = IntType(min(self.base, top), max(self.base, top))
        return (Stream(inputs[0].count, inputs[0].lanes, kind),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0]
        made = np.empty(x.shape, np.int64)
        period, lanes, levels = self.thresholds.shape
        for row in range(period):
            for lane in range(lanes):
                part = x[:, row::period, lane]
                reached = np.searchsorted(self.thresholds[row, lane], part, side="right")
                made[:, row::period, lane] = levels - reached if self.falling[row, lane] else reached
        return (self.base + self.step * made,)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        return Behaviour((Process(1, {"in0": every(1)}, {"out0": every(1)}, self.delay),))
