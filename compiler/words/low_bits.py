"""Dead low bits: a word of which every reader drops the low bits is computed without them, where that is exact.

Rounding down commutes with whatever is monotone: floor(max(a, b) / 2**d) = max(floor(a / 2**d), floor(b / 2**d)).
So it does with minima, clamps, multiplexers, registers, tables, and comparisons with multiples of 2**d. It passes an
offset too, as far as the offset's low bits are 0. The shift of a requantisation thus moves in front of the pools,
clamps and roundings before it, which become narrower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nc.compiler.words.rebuild import Copy
from nc.ir.words import Kind, Term, WordGraph
from nc.ir.words.graph import IntArray

MOST = 62


@dataclass(frozen=True)
class DeadLowBits:
    """No options."""

    def run(self, graph: WordGraph) -> WordGraph:
        dead = demanded(graph)
        if not dead.any():
            return graph
        return _Shifted(graph, dead).run()


def demanded(graph: WordGraph) -> IntArray:
    """For each node how many low bits are computed by it and needed by no reader."""
    free = [MOST] * len(graph)
    for port in (*graph.outputs, *graph.inputs):
        for node in port.nodes.tolist():
            free[node] = 0
    kinds, start = graph.kind.tolist(), graph.start.tolist()
    src = graph.src.tolist()
    alive = graph.live().tolist()
    for node in range(len(graph) - 1, -1, -1):
        if not alive[node]:
            free[node] = 0
            continue
        kind = Kind(kinds[node])
        if kind not in COMMUTES:
            free[node] = 0
        elif kind == Kind.SUM:
            free[node] = _through_sum(graph, node, free[node])
        if free[node] == MOST:
            free[node] = 0
        needs = NEEDS.get(kind, _everything)(graph, node, free[node])
        for e, spared in zip(range(start[node], start[node + 1]), needs):
            free[src[e]] = min(free[src[e]], spared)
    return np.array(free, np.int64)


COMMUTES = frozenset((Kind.SUM, Kind.MUX, Kind.MIN, Kind.MAX, Kind.CLAMP, Kind.TABLE, Kind.REG))
"""Kinds whose result can be computed without its low bits."""

NARROWED = tuple(COMMUTES - {Kind.SUM})
"""Those that become smaller by it."""


def _through_sum(graph: WordGraph, node: int, wanted: int) -> int:
    """The most low bits, up to `wanted`, that a sum can be computed without.

    They may reach past the lowest operand only where it is the only one, added, and gains by it: nothing carries there.
    A shift in front of other sums saves nothing, and would keep them from being one tree of adders, or one table.
    """
    entries = graph.operands(node)
    first = int(graph.shift[entries].min())
    alone = graph.arity[node] == 1 and not graph.neg[entries][0]
    limit = MOST if alone and graph.kind[graph.src[entries][0]] in NARROWED else first
    # Bits of the constant below the lowest operand never carry; those above it might.
    constant = int(graph.p0[node]) >> first << first
    if constant:
        limit = min(limit, (constant & -constant).bit_length() - 1)
    return min(wanted, limit)


Needs = Callable[[WordGraph, int, int], list[int]]


def _everything(graph: WordGraph, node: int, free: int) -> list[int]:
    return [0] * int(graph.arity[node])


def _sum(graph: WordGraph, node: int, free: int) -> list[int]:
    return [max(0, free - shift) for shift in graph.shift[graph.operands(node)].tolist()]


def _same(graph: WordGraph, node: int, free: int) -> list[int]:
    return [free] * int(graph.arity[node])


def _mux(graph: WordGraph, node: int, free: int) -> list[int]:
    return [0, free, free]


def _dropped(graph: WordGraph, node: int, free: int) -> list[int]:
    return [int(graph.p0[node])]


def _threshold(graph: WordGraph, node: int, free: int) -> list[int]:
    if graph.arity[node] != 1:
        return [0, 0]
    threshold = int(graph.p0[node])
    if not threshold:
        return [int(graph.bits[graph.src[graph.start[node]]]) - 1]  # the sign
    return [(threshold & -threshold).bit_length() - 1]


NEEDS: dict[Kind, Needs] = {
    Kind.SUM: _sum,
    Kind.MUX: _mux,
    Kind.MIN: _same,
    Kind.MAX: _same,
    Kind.CLAMP: _same,
    Kind.REG: _same,
    Kind.SHR: _dropped,
    Kind.BITS: _dropped,
    Kind.GE: _threshold,
}
"""How many low bits of each operand a node can do without, when nobody wants its own `free` lowest ones."""


class _Shifted:
    """The copy: `new[v]` is v >> dead[v]."""

    def __init__(self, graph: WordGraph, dead: IntArray) -> None:
        self.graph, self.dead = graph, dead.tolist()
        self.copy = Copy(graph)

    def run(self) -> WordGraph:
        graph, copy = self.graph, self.copy
        layer = -1
        for node in np.flatnonzero(graph.live() & (graph.kind != Kind.INPUT)).tolist():
            if copy.layer[node] != layer:
                layer = copy.layer[node]
                copy.builder.layer(graph.layers[layer])
            d = self.dead[node]
            made = MAKE.get(Kind(copy.kind[node]), _Shifted.keep)(self, node)
            copy.new[node] = copy.builder.assume(made, copy.low[node] >> d, copy.high[node] >> d)
        for node in np.flatnonzero(self.dead).tolist():
            copy.new[node] = -1  # a probe must show the whole word, or nothing
        return copy.finish()

    def operand(self, source: int, drop: int) -> int:
        """source >> drop, where the copy holds source >> dead."""
        return self.copy.builder.shr(self.copy.new[source], drop - self.dead[source])

    def sources(self, node: int) -> list[int]:
        found: list[int] = self.copy.src[self.copy.start[node] : self.copy.start[node + 1]]
        return found

    def keep(self, node: int) -> int:
        return self.copy.keep(node)

    def sum(self, node: int) -> int:
        copy, d = self.copy, self.dead[node]
        terms = []
        for e in range(copy.start[node], copy.start[node + 1]):
            source, shift = copy.src[e], copy.shift[e]
            drop = max(0, d - shift)
            terms.append(Term(self.operand(source, drop), max(0, shift - d), copy.neg[e]))
        within = copy.low[node] >> d, copy.high[node] >> d
        return copy.builder.sum(terms, copy.p0[node] >> d, within=within)

    def shr(self, node: int) -> int:
        return self.operand(self.sources(node)[0], self.copy.p0[node])

    def bits(self, node: int) -> int:
        source = self.sources(node)[0]
        return self.copy.builder.bits(self.copy.new[source], self.copy.p0[node] - self.dead[source], self.copy.p1[node])

    def ge(self, node: int) -> int:
        a, *b = self.sources(node)
        if b:
            return self.keep(node)
        return self.copy.builder.ge(self.copy.new[a], offset=self.copy.p0[node] >> self.dead[a])

    def mux(self, node: int) -> int:
        select, then, otherwise = self.sources(node)
        d = self.dead[node]
        return self.copy.builder.mux(self.copy.new[select], self.operand(then, d), self.operand(otherwise, d))

    def least(self, node: int) -> int:
        return self.copy.builder.min(*(self.operand(s, self.dead[node]) for s in self.sources(node)))

    def most(self, node: int) -> int:
        return self.copy.builder.max(*(self.operand(s, self.dead[node]) for s in self.sources(node)))

    def clamp(self, node: int) -> int:
        d = self.dead[node]
        source = self.operand(self.sources(node)[0], d)
        return self.copy.builder.clamp(source, self.copy.p0[node] >> d, self.copy.p1[node] >> d)

    def reg(self, node: int) -> int:
        return self.copy.builder.reg(self.operand(self.sources(node)[0], self.dead[node]))

    def table(self, node: int) -> int:
        entries = self.graph.tables[self.copy.p0[node]] >> self.dead[node]
        return self.copy.builder.table(self.copy.new[self.sources(node)[0]], entries, self.copy.p1[node])


MAKE: dict[Kind, Callable[[_Shifted, int], int]] = {
    Kind.SUM: _Shifted.sum,
    Kind.SHR: _Shifted.shr,
    Kind.BITS: _Shifted.bits,
    Kind.GE: _Shifted.ge,
    Kind.MUX: _Shifted.mux,
    Kind.MIN: _Shifted.least,
    Kind.MAX: _Shifted.most,
    Kind.CLAMP: _Shifted.clamp,
    Kind.REG: _Shifted.reg,
    Kind.TABLE: _Shifted.table,
}
