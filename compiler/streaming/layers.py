"""The layers that multiply: how much work each is, and how it can be folded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nc.compiler.streaming.order import divisors
from nc.ir.graph import Graph, Value
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul
from nc.ir.types import IntType, bits_for


@dataclass(frozen=True)
class Fold:
    """`pe` results at a time, `simd` terms a clock for each."""

    pe: int
    simd: int


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or dense layer: for `vectors` positions and `groups`, `results` x (`channels` x `taps`) products.

    `lanewise`: depthwise, where the groups themselves are what `pe` takes several of. `area`: pixels with padding,
    where all taps of all channels can be had at once (simd = channels * taps), a pixel a clock; 0 where not.
    """

    value: Value
    name: str
    vectors: int
    groups: int
    results: int
    channels: int
    taps: int
    lanewise: bool
    area: int
    x: IntType
    weights: np.ndarray

    @property
    def work(self) -> int:
        """Multiplications a sample."""
        return self.vectors * self.groups * self.results * self.channels * self.taps

    @cached_property
    def weight_bits(self) -> int:
        return bits_for(int(self.weights.min(initial=0)), int(self.weights.max(initial=0)))

    @cached_property
    def product_bits(self) -> int:
        """Of a product as written in Verilog."""
        return sum(self.factor_bits)

    @cached_property
    def factor_bits(self) -> tuple[int, int]:
        """Of an element and a weight; an unsigned factor beside a signed one gets a sign bit."""
        signed = bool((self.weights < 0).any())
        mixed = self.x.signed != signed
        return self.x.bits + (mixed and signed), self.weight_bits + (mixed and not signed)

    def steps(self, fold: Fold) -> int:
        """Clocks a position: how often each multiplier is reused."""
        if self.lanewise:
            return self.groups // fold.pe * self.taps
        return self.groups * (self.results // fold.pe) * (self.channels * self.taps // fold.simd)

    def cycles(self, fold: Fold) -> int:
        """Clocks a sample."""
        return max(self.vectors * self.steps(fold), self.area if self.at_once(fold) else 0)

    def at_once(self, fold: Fold) -> bool:
        """All taps of a window in one token."""
        return self.area > 0 and fold.simd == self.channels * self.taps

    def folds(self) -> Iterator[Fold]:
        """All of them, fully sequential first."""
        if self.lanewise:
            yield from (Fold(pe, 1) for pe in divisors(self.groups))
            return
        for pe in divisors(self.results):
            for simd in divisors(self.channels):
                yield Fold(pe, simd)
            if self.area:
                yield Fold(pe, self.channels * self.taps)


def layers(graph: Graph) -> list[Layer]:
    """The multiplying layers in order; those with operands that are both computed are left out."""
    found = []
    for value, node in enumerate(graph.nodes):
        make = {Conv: _conv, MatMul: _matmul}.get(type(node.op))
        layer = make(graph, value) if make else None
        if layer is not None:
            found.append(layer)
    return found


def _conv(graph: Graph, value: Value) -> Layer | None:
    node = graph.nodes[value]
    weights, op = graph.nodes[node.operands[1]].constant, node.op
    if weights is None or not isinstance(op, Conv):
        return None
    results, channels = weights.shape[0] // op.groups, weights.shape[1]
    return Layer(
        value,
        node.origin or f"conv{value}",
        int(np.prod(node.type.shape[1:])),
        op.groups,
        results,
        channels,
        int(np.prod(weights.shape[2:])),
        op.groups > 1 and results == channels == 1,
        _area(op, weights.shape[2:], graph.type(node.operands[0]).shape[1:]),
        graph.type(node.operands[0]).int,
        weights,
    )


def _area(op: Conv, kernel: tuple[int, ...], spatial: tuple[int, ...]) -> int:
    if op.groups > 1 or int(np.prod(kernel)) == 1 or any(d > 1 for d in op.dilations):
        return 0
    rank = len(kernel)
    return int(np.prod([n + op.pads[k] + op.pads[k + rank] for k, n in enumerate(spatial)]))


def _matmul(graph: Graph, value: Value) -> Layer | None:
    node = graph.nodes[value]
    left, right = (graph.nodes[o] for o in node.operands)
    if right.constant is not None and right.type.rank == 2 and left.constant is None:
        x, weights = left, right.constant
        vectors = int(np.prod(x.type.shape[:-1]))
    elif left.constant is not None and left.type.rank == 2 and right.type.rank == 1:
        x, weights, vectors = right, left.constant.T, 1
    else:
        return None
    terms, results = weights.shape
    name = node.origin or f"matmul{value}"
    return Layer(value, name, vectors, 1, results, terms, 1, False, 0, x.type.int, np.ascontiguousarray(weights.T))
