"""Copies a word graph node by node through a builder: the frame of every pass that rewrites locally."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nc.ir.words import Kind, Term, WordBuilder, WordGraph, WordPort

Visit = Callable[["Copy", int], int | None]


class Copy:
    """A copy in progress: `new[old]` is the id of an old node's replacement in `builder`."""

    def __init__(self, graph: WordGraph) -> None:
        self.graph = graph
        self.builder = WordBuilder()
        self.new: list[int] = [-1] * len(graph)
        self.kind = graph.kind.tolist()
        self.p0, self.p1 = graph.p0.tolist(), graph.p1.tolist()
        self.start = graph.start.tolist()
        self.src, self.shift, self.neg = graph.src.tolist(), graph.shift.tolist(), graph.neg.tolist()
        self.low, self.high = graph.lo.tolist(), graph.hi.tolist()
        self.layer = graph.layer.tolist()
        for layer in graph.layers:
            self.builder.layer(layer)
        for port in graph.inputs:
            if len(port.nodes):
                self.builder.layer(graph.layers[graph.layer[port.nodes[0]]])
            ids = self.builder.input(
                port.name,
                port.shape,
                graph.lo[port.nodes].reshape(port.shape),
                graph.hi[port.nodes].reshape(port.shape),
                bits=port.bits,
                signed=port.signed,
            )
            for old, made in zip(port.nodes.tolist(), ids.ravel().tolist()):
                self.new[old] = made

    def terms(self, node: int) -> list[Term]:
        """The operands of an old node, as new ids."""
        entries = range(self.start[node], self.start[node + 1])
        return [Term(self.new[self.src[e]], self.shift[e], self.neg[e]) for e in entries]

    def operands(self, node: int) -> list[int]:
        return [self.new[self.src[e]] for e in range(self.start[node], self.start[node + 1])]

    def keep(self, node: int) -> int:
        """The same operation on the new operands."""
        return COPIES[Kind(self.kind[node])](self, node)

    def port(self, port: WordPort) -> WordPort:
        return replace(port, nodes=np.array([self.new[n] for n in port.nodes.tolist()], np.int64))

    def finish(self) -> WordGraph:
        probes = {name: self.port(p) for name, p in self.graph.probes.items() if all(self.new[n] >= 0 for n in p.nodes)}
        return self.builder.build([self.port(p) for p in self.graph.outputs], probes)


def rebuild(graph: WordGraph, visit: Visit | None = None) -> WordGraph:
    """Copy the live part; `visit(copy, node)` gives the new id of an old node, or None to keep it as it is."""
    copy = Copy(graph)
    live = graph.live()
    layer = -1
    for node in np.flatnonzero(live & (graph.kind != Kind.INPUT)).tolist():
        if copy.layer[node] != layer:
            layer = copy.layer[node]
            copy.builder.layer(graph.layers[layer])
        made = visit(copy, node) if visit else None
        copy.new[node] = copy.keep(node) if made is None else made
        copy.builder.assume(copy.new[node], copy.low[node], copy.high[node])
    return copy.finish()


def _sum(copy: Copy, node: int) -> int:
    return copy.builder.sum(copy.terms(node), copy.p0[node], within=(copy.low[node], copy.high[node]))


def _compare(copy: Copy, node: int) -> int:
    a, *b = copy.operands(node)
    method = copy.builder.ge if copy.kind[node] == Kind.GE else copy.builder.eq
    return method(a, b[0] if b else None, copy.p0[node])


def _pair(name: str) -> Callable[[Copy, int], int]:
    def make(copy: Copy, node: int) -> int:
        made: int = getattr(copy.builder, name)(*copy.operands(node))
        return made

    return make


def _params(name: str, count: int) -> Callable[[Copy, int], int]:
    def make(copy: Copy, node: int) -> int:
        made: int = getattr(copy.builder, name)(copy.operands(node)[0], *(copy.p0[node], copy.p1[node])[:count])
        return made

    return make


def _table(copy: Copy, node: int) -> int:
    return copy.builder.table(copy.operands(node)[0], copy.graph.tables[copy.p0[node]], copy.p1[node])


COPIES: dict[Kind, Callable[[Copy, int], int]] = {
    Kind.CONST: lambda copy, node: copy.builder.const(copy.p0[node]),
    Kind.SUM: _sum,
    Kind.MUL: _pair("mul"),
    Kind.GE: _compare,
    Kind.EQ: _compare,
    Kind.MUX: _pair("mux"),
    Kind.MIN: _pair("min"),
    Kind.MAX: _pair("max"),
    Kind.CLAMP: _params("clamp", 2),
    Kind.SHR: _params("shr", 1),
    Kind.BITS: _params("bits", 2),
    Kind.TABLE: _table,
    Kind.REG: _pair("reg"),
}
