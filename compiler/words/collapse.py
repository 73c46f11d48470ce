"""Small neurons as truth tables: logic that depends on a few bits becomes look-up tables where those are smaller.

A node's logic reaches back to the nearest inputs, activations and comparisons. Where these hold few bits together, all
their values are enumerated and the outcome is decomposed into tables of one LUT's inputs and multiplexers (Shannon),
in several orders of the bits. Codes that cannot occur, since a leaf or a word computed from them would leave its
proved range, take the value that their neighbour has. The tables are taken if their LUTs, counted on the tables
themselves, are fewer than those of the logic that nothing else reads. Networks trained for this (LogicNets, PolyLUT,
NeuraLUT) become nothing but tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.compiler.words.rebuild import Copy, rebuild
from nc.ir.words import Kind, Term, WordBuilder, WordGraph, WordPort
from nc.ir.words.evaluate import KERNELS
from nc.ir.words.graph import IntArray

INNER = (Kind.SUM, Kind.MUL)
"""Operations through which a neuron's logic is followed back; all others end it, a shift unless a clamp follows."""

MUX_LUTS = 0.34
"""A 4:1 multiplexer, three of 2:1, is a LUT6."""


@dataclass(frozen=True)
class Collapse:
    """`bits`: most bits that a neuron may depend on; of a LUT `lut_inputs`.

    `adder`: (n, full, pair): an adder that adds n operands to another takes `full` LUTs a bit, one of fewer operands
    `pair` for each, at most `full`.
    """

    bits: int = 10
    lut_inputs: int = 6
    adder: tuple[int, float, float] = (1, 1.0, 1.0)

    def run(self, graph: WordGraph) -> WordGraph:
        """The smallest of: the graph as it is, with tables that pay by themselves, with tables that pay if the readers
        of what they share become tables too."""
        ends = _ends(graph)
        leaves = _leaves(graph, self.bits, ends)
        if not any(ends[node] for node, found in enumerate(leaves) if found is not None):
            return graph
        made = [self._collapsed(graph, leaves, ends, shared) for shared in (False, True)]
        return min((graph, *made), key=self.total)

    def total(self, graph: WordGraph) -> float:
        """LUTs of a graph, what no output needs left out."""
        return sum(self.luts(graph, node) for node in np.flatnonzero(graph.live()).tolist())

    def _collapsed(
        self, graph: WordGraph, leaves: list[tuple[int, ...] | None], ends: list[bool], shared: bool
    ) -> WordGraph:
        fanout = graph.fanout

        def visit(copy: Copy, node: int) -> int | None:
            found = leaves[node]
            if found is None or not ends[node]:
                return None
            cone = _cone(graph, node, found)
            own = set(_exclusive(graph, node, cone, fanout))
            shares = ((v, 1.0 if v in own else shared / fanout[v]) for v in cone)
            price = sum(self.luts(graph, v) * share for v, share in shares if share)
            if price <= 1:
                return None
            table = _Table(graph, node, found, cone)
            order = min(table.orders(), key=lambda o: (table.luts(o, self.lut_inputs), o))
            if table.luts(order, self.lut_inputs) >= price:
                return None
            return table.build(copy, order, self.lut_inputs)

        return rebuild(rebuild(graph, visit))

    def luts(self, graph: WordGraph, node: int) -> float:
        """About what a node takes by itself."""
        kind, width = Kind(int(graph.kind[node])), int(graph.bits[node])
        operands = int(graph.arity[node])
        widest = max((int(graph.bits[s]) for s in graph.src[graph.operands(node)]), default=0)
        if kind == Kind.SUM:
            count = operands + (graph.p0[node] != 0)
            if graph.concatenation[node] or count < 2:
                return 0.0
            if widest == 1 and operands > 3:
                return float(operands)  # a count of bits
            most, full, pair = self.adder
            price: float = width * (full * ((count - 1) // most) + min(full, pair * ((count - 1) % most)))
            return price
        by_kind = {Kind.GE: widest / 2, Kind.EQ: widest / 2, Kind.CLAMP: 1.5 * width, Kind.MUX: width,
                   Kind.MIN: 1.5 * width * (operands - 1), Kind.MAX: 1.5 * width * (operands - 1),
                   Kind.MUL: width * widest / 2,
                   Kind.TABLE: width * (1 << max(0, widest - self.lut_inputs))}  # fmt: skip
        return float(by_kind.get(kind, 0.0))


def _ends(graph: WordGraph) -> list[bool]:
    """Where a neuron ends, and a table may stand: at what is not a sum, at a shift without a clamp, at outputs."""
    ends = ~np.isin(graph.kind, (*INNER, Kind.CONST, Kind.INPUT, Kind.REG))
    clamped = np.zeros(len(graph), bool)
    clamped[graph.src[graph.kind[graph.owner] == Kind.CLAMP]] = True
    ends &= ~(np.isin(graph.kind, (Kind.SHR, Kind.BITS)) & clamped)
    for port in graph.outputs:
        ends[port.nodes] = ~np.isin(graph.kind[port.nodes], (Kind.CONST, Kind.INPUT, Kind.REG))
    found: list[bool] = ends.tolist()
    return found


def _leaves(graph: WordGraph, limit: int, ends: list[bool]) -> list[tuple[int, ...] | None]:
    """For each node the words its logic reads, in ascending order; None where they hold more than `limit` bits."""
    bits, kind = graph.bits.tolist(), graph.kind.tolist()
    start, src = graph.start.tolist(), graph.src.tolist()
    found: list[tuple[int, ...] | None] = []
    for node in range(len(graph)):
        joined: set[int] = set()
        fits = kind[node] != Kind.INPUT
        for operand in set(src[start[node] : start[node + 1]]):
            if kind[operand] == Kind.CONST:
                continue
            if not ends[operand] and kind[operand] not in (Kind.INPUT, Kind.REG):
                inner = found[operand]
                fits = fits and inner is not None
                joined.update(inner or ())
            else:
                joined.add(operand)
        fits = fits and 0 < sum(bits[leaf] for leaf in joined) <= limit
        found.append(tuple(sorted(joined)) if fits else None)
    return found


def _cone(graph: WordGraph, node: int, leaves: Sequence[int]) -> list[int]:
    """The nodes between the leaves and `node`, itself included, in order; constants too."""
    stop, seen, stack = set(leaves), {node}, [node]
    while stack:
        for operand in graph.src[graph.operands(stack.pop())].tolist():
            if operand not in stop and operand not in seen:
                seen.add(operand)
                stack.append(operand)
    return sorted(seen)


def _exclusive(graph: WordGraph, node: int, cone: Sequence[int], fanout: IntArray) -> list[int]:
    """The nodes of a cone that nothing outside it reads."""
    kept = {node}
    inside: dict[int, int] = {}
    for v in reversed(cone):
        if v in kept or inside.get(v, 0) == fanout[v]:
            kept.add(v)
            for operand in graph.src[graph.operands(v)].tolist():
                inside[operand] = inside.get(operand, 0) + 1
    return [v for v in cone if v in kept]


class _Table:
    """All values of a node over the codes of its leaves; `bits[i]`: which leaf's which bit is bit i of a code."""

    def __init__(self, graph: WordGraph, node: int, leaves: Sequence[int], cone: Sequence[int]) -> None:
        self.leaves = leaves
        widths = [int(graph.bits[leaf]) for leaf in leaves]
        self.bits = [(leaf, place) for leaf, width in zip(leaves, widths) for place in range(width)]
        codes = np.arange(1 << len(self.bits), dtype=np.int64)
        columns, first, possible = [], 0, np.ones(len(codes), bool)
        for leaf, width in zip(leaves, widths):
            value = codes >> first & (1 << width) - 1
            if graph.lo[leaf] < 0:
                value = np.where(value >> width - 1 & 1, value - (1 << width), value)
            possible &= (value >= graph.lo[leaf]) & (value <= graph.hi[leaf])
            columns.append(np.clip(value, graph.lo[leaf], graph.hi[leaf]))
            first += width
        values, occurs = _values(_part(graph, node, leaves, cone), columns)
        self.values = _filled(values, occurs & possible)
        self._luts: dict[tuple[int, ...], float] = {}

    def orders(self) -> list[tuple[int, ...]]:
        """Orders of the bits, the last ones decided by multiplexers: whole words in turn, and the words' top bits."""
        plain = list(range(len(self.bits)))
        found = [plain, plain[::-1], sorted(plain, key=lambda i: (self.bits[i][1], i))]
        found += [[*plain[cut:], *plain[:cut]] for cut in range(1, len(plain)) if self.bits[cut][1] == 0]
        return sorted({tuple(order) for order in found})

    def arranged(self, order: Sequence[int]) -> IntArray:
        """The values with code bit `order[k]` at place k."""
        codes = np.arange(len(self.values), dtype=np.int64)
        source = np.zeros_like(codes)
        for place, bit in enumerate(order):
            source |= (codes >> place & 1) << bit
        result: IntArray = self.values[source]
        return result

    def luts(self, order: tuple[int, ...], inputs: int) -> float:
        """LUTs of the decomposition, equal sub-tables counted once."""
        if order not in self._luts:
            values = self.arranged(order)
            known: dict[bytes, float] = {}
            planes = ((values >> k & 1).astype(np.uint8) for k in range(_width(values)))
            self._luts[order] = sum(_plane_luts(plane, inputs, known) for plane in planes)
        return self._luts[order]

    def build(self, copy: Copy, order: Sequence[int], inputs: int) -> int:
        bits = [copy.builder.bits(copy.new[self.bits[i][0]], self.bits[i][1], 1) for i in order]
        return _shannon(copy.builder, self.arranged(order), bits, inputs)


def _width(values: IntArray) -> int:
    low, high = int(values.min()), int(values.max())
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + (low < 0)


def _plane_luts(plane: np.ndarray[tuple[int], np.dtype[np.uint8]], inputs: int, known: dict[bytes, float]) -> float:
    """LUTs of one output bit, what `known` holds already being shared."""
    key = plane.tobytes()
    if key in known or (plane == plane[0]).all():
        return 0.0
    half = len(plane) // 2
    known[key] = 0.0
    if half.bit_length() <= inputs:
        return 1.0
    low, high = plane[:half], plane[half:]
    if (low == high).all():
        return _plane_luts(low, inputs, known)
    return MUX_LUTS + _plane_luts(low, inputs, known) + _plane_luts(high, inputs, known)


def _shannon(b: WordBuilder, values: IntArray, bits: Sequence[int], inputs: int) -> int:
    """A table over bits (nodes), or a multiplexer of two by the last one."""
    if len(bits) <= inputs:
        return b.table(b.sum([Term(bit, place) for place, bit in enumerate(bits)]), values)
    half = len(values) // 2
    if (values[:half] == values[half:]).all():
        return _shannon(b, values[:half], bits[:-1], inputs)
    low, high = (_shannon(b, part, bits[:-1], inputs) for part in (values[:half], values[half:]))
    return b.mux(bits[-1], high, low)


def _values(part: WordGraph, columns: Sequence[IntArray]) -> tuple[IntArray, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The output for each code, and which codes may occur: a value outside its node's proved range never does."""
    held = np.zeros((len(part), len(columns[0])), np.int64)
    held[part.inputs[0].nodes] = np.stack(columns)
    occurs = np.ones(held.shape[1], bool)
    for node in range(len(part)):
        kind = Kind(int(part.kind[node]))
        if kind == Kind.CONST:
            held[node] = part.p0[node]
        elif kind != Kind.INPUT:
            value = KERNELS[kind](part, np.array([node]), held)[0]
            occurs &= (value >= part.lo[node]) & (value <= part.hi[node])
            held[node] = np.clip(value, part.lo[node], part.hi[node])
    return held[part.outputs[0].nodes[0]], occurs


def _filled(values: IntArray, occurs: np.ndarray[Any, np.dtype[np.bool_]]) -> IntArray:
    """Codes that cannot occur take the value of the possible one below."""
    last = np.maximum.accumulate(np.where(occurs, np.arange(len(values)), -1))
    first = int(occurs.argmax())
    filled: IntArray = values[np.where(last < 0, first, last)]
    return filled


def _part(graph: WordGraph, node: int, leaves: Sequence[int], cone: Sequence[int]) -> WordGraph:
    """The cone alone, its leaves as the one input port."""
    chosen = np.array(sorted({*leaves, *cone}), np.int64)
    number = {old: new for new, old in enumerate(chosen.tolist())}
    inner = set(cone)
    entries = [np.arange(graph.start[v], graph.start[v + 1]) if v in inner else np.arange(0) for v in chosen.tolist()]
    picked = np.concatenate(entries).astype(np.int64)
    kind = graph.kind[chosen].copy()
    kind[[number[leaf] for leaf in leaves]] = Kind.INPUT
    ids = np.array([number[leaf] for leaf in leaves], np.int64)
    end = np.array([number[node]], np.int64)
    return WordGraph(
        kind=kind, lo=graph.lo[chosen], hi=graph.hi[chosen], p0=graph.p0[chosen], p1=graph.p1[chosen],
        layer=graph.layer[chosen], start=np.concatenate(([0], np.cumsum([len(e) for e in entries]))),
        src=np.array([number[s] for s in graph.src[picked].tolist()], np.int32), shift=graph.shift[picked],
        neg=graph.neg[picked], layers=graph.layers, tables=graph.tables,
        inputs=(WordPort("x", (len(leaves),), ids, 64, True),), outputs=(WordPort("y", (1,), end, 64, True),),
    )  # fmt: skip
