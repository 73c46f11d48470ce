"""A WordGraph bit by bit: every word operation becomes and-inverter logic, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np

from nc.backends.sfq import arithmetic as logic
from nc.backends.sfq.aig import FALSE, TRUE, Aig, to_netlist
from nc.backends.sfq.arithmetic import Number
from nc.ir.netlist import Netlist
from nc.ir.words import Kind, WordGraph

Weighted = list[tuple[int, int]]
"""A sum of literals with integer weights, signs included."""


class _Blaster:
    def __init__(self, graph: WordGraph, boxed: bool):
        self.graph, self.aig = graph, Aig(boxed=boxed)
        self.value: list[Number] = [[] for _ in range(len(graph))]
        for port in graph.inputs:
            bits = self.aig.add_input(port.name, len(port.nodes) * port.bits)
            for i, node in enumerate(port.nodes.tolist()):
                self.value[node] = bits[i * port.bits :][: int(graph.bits[node])]

    def run(self) -> Aig:
        rules: Mapping[Kind, Callable[[int, list[int]], Number]] = {
            Kind.CONST: lambda n, s: self.constant(int(self.graph.p0[n]), int(self.graph.bits[n])),
            Kind.SUM: self.sum,
            Kind.MUL: self.mul,
            Kind.GE: self.ge,
            Kind.EQ: self.eq,
            Kind.MUX: self.mux,
            Kind.MIN: self.extreme,
            Kind.MAX: self.extreme,
            Kind.CLAMP: self.clamp,
            Kind.SHR: lambda n, s: self.wide(s[0], 64)[int(self.graph.p0[n]) :][: int(self.graph.bits[n])],
            Kind.BITS: lambda n, s: self.wide(s[0], 128)[int(self.graph.p0[n]) :][: int(self.graph.bits[n])],
            Kind.TABLE: self.table,
            Kind.REG: lambda n, s: self.value[s[0]],
        }
        for node in range(len(self.graph)):
            kind = Kind(self.graph.kind[node])
            if kind != Kind.INPUT:
                self.value[node] = rules[kind](node, self.graph.src[self.graph.operands(node)].tolist())
        for port in self.graph.outputs:
            bits = [bit for node in port.nodes.tolist() for bit in self.wide(node, port.bits)]
            self.aig.outputs.append((port.name, bits))
        return self.aig

    @staticmethod
    def constant(value: int, width: int) -> Number:
        return [TRUE if value >> i & 1 else FALSE for i in range(width)]

    def wide(self, node: int, width: int) -> Number:
        """The node's value in `width` bits, two's complement."""
        bits = self.value[node]
        top = bits[-1] if self.graph.signed[node] else FALSE
        return (bits + [top] * width)[:width]

    def weighted(self, node: int) -> Weighted:
        """The node's value as weighted bits: a sign bit weighs negative."""
        terms = [(bit, 1 << i) for i, bit in enumerate(self.value[node])]
        if self.graph.signed[node]:
            terms[-1] = (terms[-1][0], -terms[-1][1])
        return terms

    def total(self, terms: Weighted, constant: int, width: int) -> Number:
        """constant + sum of weight * literal, mod 2**width. -w x = w !x - w, so negative weights need no sign bits."""
        columns: list[list[int]] = [[] for _ in range(width)]
        for literal, weight in terms:
            if weight < 0:
                literal, constant = literal ^ 1, constant + weight
            place = abs(weight).bit_length() - 1
            if literal == TRUE:
                constant += 1 << place
            elif literal != FALSE and place < width:
                columns[place].append(literal)
        return logic.column_sum(self.aig, columns, constant % (1 << width), width)

    def sum(self, node: int, sources: list[int]) -> Number:
        at, terms = self.graph.operands(node), []
        for source, shift, neg in zip(sources, self.graph.shift[at].tolist(), self.graph.neg[at].tolist()):
            terms += [(bit, (-weight if neg else weight) << shift) for bit, weight in self.weighted(source)]
        return self.total(terms, int(self.graph.p0[node]), int(self.graph.bits[node]))

    def mul(self, node: int, sources: list[int]) -> Number:
        a, b = (self.weighted(s) for s in sources)
        terms = [(self.aig.and_(x, y), v * w) for (x, v), (y, w) in product(a, b)]
        return self.total(terms, 0, int(self.graph.bits[node]))

    def compared(self, a: int, b: int) -> tuple[Number, Number]:
        """Two nodes as unsigned numbers of the same order (sign bits inverted)."""
        width = int(max(self.graph.bits[a], self.graph.bits[b])) + 1
        left, right = self.wide(a, width), self.wide(b, width)
        return [*left[:-1], left[-1] ^ 1], [*right[:-1], right[-1] ^ 1]

    def against(self, a: int, bound: int) -> tuple[Number, Number]:
        """A node and a constant inside its width, in the same form."""
        width = int(self.graph.bits[a]) + 1
        left, right = self.wide(a, width), self.constant(bound, width)
        return [*left[:-1], left[-1] ^ 1], [*right[:-1], right[-1] ^ 1]

    def difference(self, sources: list[int], offset: int) -> Number:
        """a - b - offset, wide enough to keep its sign."""
        a, b = sources
        low = int(self.graph.lo[a]) - int(self.graph.hi[b]) - offset
        high = int(self.graph.hi[a]) - int(self.graph.lo[b]) - offset
        width = max(low.bit_length(), high.bit_length()) + 1
        terms = self.weighted(a) + [(bit, -weight) for bit, weight in self.weighted(b)]
        return self.total(terms, -offset, width)

    def ge(self, node: int, sources: list[int]) -> Number:
        offset = int(self.graph.p0[node])
        if len(sources) == 1:
            if offset <= self.graph.lo[sources[0]]:
                return [TRUE]
            if offset > self.graph.hi[sources[0]]:
                return [FALSE]
            return [logic.greater_equal(self.aig, *self.against(sources[0], offset))]
        if offset == 0:
            return [logic.greater_equal(self.aig, *self.compared(*sources))]
        return [self.difference(sources, offset)[-1] ^ 1]

    def eq(self, node: int, sources: list[int]) -> Number:
        offset = int(self.graph.p0[node])
        if len(sources) == 1:
            if not self.graph.lo[sources[0]] <= offset <= self.graph.hi[sources[0]]:
                return [FALSE]
            return [logic.equal(self.aig, *self.against(sources[0], offset))]
        if offset == 0:
            return [logic.equal(self.aig, *self.compared(*sources))]
        return [logic.tree(self.aig, self.difference(sources, offset), any_of=True) ^ 1]

    def choose(self, select: int, then: Number, otherwise: Number) -> Number:
        return [logic.mux(self.aig, select, x, y) for x, y in zip(then, otherwise)]

    def mux(self, node: int, sources: list[int]) -> Number:
        width = int(self.graph.bits[node])
        then, otherwise = (self.wide(s, width) for s in sources[1:])
        return self.choose(self.value[sources[0]][0], then, otherwise)

    def extreme(self, node: int, sources: list[int]) -> Number:
        """MIN or MAX as a tree; one bit: and, or."""
        width = int(max(self.graph.bits[s] for s in sources)) + 1
        greatest = Kind(self.graph.kind[node]) == Kind.MAX
        if all(self.graph.bits[s] == 1 and not self.graph.signed[s] for s in sources):
            return [logic.tree(self.aig, (self.value[s][0] for s in sources), any_of=greatest)]
        left = [self.wide(s, width) for s in sources]
        while len(left) > 1:
            joined = [self._pick(a, b, greatest) for a, b in zip(left[::2], left[1::2])]
            left = joined + left[2 * len(joined) :]
        return left[0][: int(self.graph.bits[node])]

    def _pick(self, a: Number, b: Number, greatest: bool) -> Number:
        flipped = ([*x[:-1], x[-1] ^ 1] for x in (a, b))
        first = logic.greater_equal(self.aig, *flipped)
        return self.choose(first if greatest else first ^ 1, a, b)

    def clamp(self, node: int, sources: list[int]) -> Number:
        source, width = sources[0], int(max(self.graph.bits[sources[0]], self.graph.bits[node])) + 1
        found = self.wide(source, width)
        low, high = int(self.graph.p0[node]), int(self.graph.p1[node])
        if low > self.graph.lo[source]:
            above = logic.greater_equal(self.aig, *self.against(source, low))
            found = self.choose(above, found, self.constant(low, width))
        if high < self.graph.hi[source]:
            above = logic.greater_equal(self.aig, *self.against(source, high))
            found = self.choose(above, self.constant(high, width), found)
        return found[: int(self.graph.bits[node])]

    def table(self, node: int, sources: list[int]) -> Number:
        """Entries by the operand's own two's complement bits, so that no base has to be subtracted."""
        source = sources[0]
        entries, base = self.graph.tables[int(self.graph.p0[node])], int(self.graph.p1[node])
        width = int(self.graph.bits[source])
        low, high = int(self.graph.lo[source]), int(self.graph.hi[source])
        at = np.arange(1 << width)
        value = np.where(at >= 1 << (width - 1), at - (1 << width), at) if self.graph.signed[source] else at
        found = entries[np.clip(value, low, high) - base]
        rows = [((found >> i) & 1).tolist() for i in range(int(self.graph.bits[node]))]
        return [logic.lookup(self.aig, row, self.value[source]) for row in rows]


def bitblast(graph: WordGraph, *, boxed: bool = False) -> Aig:
    """The graph's function on port bits (elements row-major, each of the port's bits, least significant first).

    Registers are transparent: the balanced netlist has its own pipeline. `boxed`: full adders stay whole.
    """
    return _Blaster(graph, boxed).run()


def to_logic(graph: WordGraph, name: str = "top", *, boxed: bool = False) -> Netlist:
    """As a netlist of simple gates; `boxed`: cut at its full adders (see `nc.backends.sfq.boxes`)."""
    return to_netlist(bitblast(graph, boxed=boxed), name)
