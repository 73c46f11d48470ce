"""matvec: a matrix times every vector of a stream, by a folded array of multiply-accumulate units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, at
from nc.ir.types import IntType, bits_for


@dataclass(frozen=True, eq=False)
class MatVec(Actor):
    """For each group of each vector: result = weights[group] @ x + bias[group], `pe` results at a time.

    `weights` (groups, results, terms), `bias` (groups, results). The vector comes in `terms / simd` tokens a group;
    each of `pe` units multiplies `simd` terms a clock (FINN's PE and SIMD, Umuroglu et al., FPGA 2017), so a
    group takes results / pe * terms / simd clocks. `lanewise`: unit k has lane k of the token for itself (depthwise
    convolution): simd is 1, results = pe, and the token is `pe` wide. `multiplier`: 'dsp', or 'lut' for rows of
    partial products that no DSP block takes.
    """

    weights: IntArray
    bias: IntArray
    pe: int
    simd: int
    lanewise: bool = False
    multiplier: str = "dsp"

    name = "matvec"

    @property
    def groups(self) -> int:
        return int(self.weights.shape[0])

    @property
    def folds(self) -> tuple[int, int]:
        """How often the array is reused: over the results, over the terms."""
        return self.weights.shape[1] // self.pe, self.weights.shape[2] // self.simd

    @property
    def steps(self) -> int:
        """Clocks a vector, all groups."""
        return self.groups * self.folds[0] * self.folds[1]

    @property
    def tree(self) -> int:
        """Register stages of the adder tree: a level each."""
        return (self.simd - 1).bit_length()

    @property
    def product_stages(self) -> int:
        """Register stages of a product: rows in pairs, then sums of two, as many as the weights' bits ask for."""
        if self.multiplier == "dsp":
            return 1
        return row_stages(bits_for(int(self.weights.min(initial=0)), int(self.weights.max(initial=0))))

    @property
    def delay(self) -> int:
        """Fetch, multiply, add up, accumulate."""
        return 2 + self.product_stages + self.tree

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        x = inputs[0].kind
        positive, negative = np.maximum(self.weights, 0).sum(axis=2), np.minimum(self.weights, 0).sum(axis=2)
        low = int((positive * x.lo + negative * x.hi + self.bias).min())
        high = int((positive * x.hi + negative * x.lo + self.bias).max())
        folds, terms = self.folds
        count = inputs[0].count // terms * folds
        return (Stream(count, self.pe, IntType(low, high)),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        from nc.ir.ops.exact import exact_matmul

        x = inputs[0]
        groups, results, terms = self.weights.shape
        if self.lanewise:
            rows = x.reshape(len(x), -1, groups, terms, self.pe)
            total = np.einsum("nvgtp,gpt->nvgp", rows, self.weights)
        else:
            rows = x.reshape(len(x), -1, groups, terms)
            parts = [exact_matmul(rows[:, :, g], np.ascontiguousarray(self.weights[g].T)) for g in range(groups)]
            total = np.stack(parts, axis=2)
        return ((total + self.bias).reshape(len(x), -1, self.pe),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        folds, terms = self.folds
        step = np.arange(self.steps).reshape(self.groups, folds, terms)
        takes, gives = at(self.steps, step[:, 0].ravel()), at(self.steps, step[:, :, -1].ravel())
        return Behaviour((Process(self.steps, {"in0": takes}, {"out0": gives}, self.delay),))

    def memory(self) -> IntArray:
        """What the units read at each step (steps, pe, simd)."""
        folds, terms = self.folds
        cut = self.weights.reshape(self.groups, folds, self.pe, terms, self.simd)
        return np.ascontiguousarray(cut.transpose(0, 1, 3, 2, 4)).reshape(self.steps, self.pe, self.simd)


def row_stages(bits: int) -> int:
    """Register stages of a product whose narrower factor has so many bits: rows in pairs, then sums of two."""
    return 1 + max(0, (-(-bits // 2) - 1).bit_length())
