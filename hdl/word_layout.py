"""What both forms of a word design share, Amaranth (`words`) and Verilog (`word_verilog`): rows, names, which sums are
cells, and where probed tensors are seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from nc.hdl.word_adders import AdderShape, Operand
from nc.ir.stream import Probe
from nc.ir.words import Kind, WordGraph
from nc.ir.words.kinds import POPCOUNT_LEAST

WIDEST = 3
"""Operands of the widest adder cell, the constant included, unless the technology says otherwise."""

Entry = tuple[int, int, bool]
"""An operand: (node, shift, negated)."""


class Rows:
    """The graph's arrays as lists: element access from Python is several times faster than numpy's.

    `widest`: operands of the widest adder cell.
    """

    def __init__(self, graph: WordGraph, widest: int = WIDEST) -> None:
        self.widest = widest
        self.kind = graph.kind.tolist()
        self.p0, self.p1 = graph.p0.tolist(), graph.p1.tolist()
        self.start = graph.start.tolist()
        self.src, self.shift, self.neg = graph.src.tolist(), graph.shift.tolist(), graph.neg.tolist()
        self.bits, self.signed = graph.bits.tolist(), graph.signed.tolist()
        self.lo, self.hi = graph.lo.tolist(), graph.hi.tolist()
        self.wires = graph.concatenation.tolist()

    def operands(self, node: int) -> list[Entry]:
        entries = slice(self.start[node], self.start[node + 1])
        return list(zip(self.src[entries], self.shift[entries], self.neg[entries]))

    def is_popcount(self, operands: list[Entry]) -> bool:
        """Many operands of one bit and one weight: a compressor."""
        if len(operands) < POPCOUNT_LEAST:
            return False
        first = operands[0][1]
        return all(shift == first and self.bits[src] == 1 and not self.signed[src] for src, shift, _ in operands)

    def is_adder_cell(self, node: int, operands: list[Entry]) -> bool:
        """Two operands to `widest`, the constant included; on a carry chain one of them is added, not subtracted."""
        return (
            not self.wires[node]
            and 2 <= len(operands) + (self.p0[node] != 0) <= self.widest
            and (self.widest > WIDEST or not all(neg for _, _, neg in operands))
        )

    def adder(self, node: int, operands: list[Entry]) -> tuple[AdderShape, list[int]]:
        described = [(self.bits[s], self.signed[s], shift, neg) for s, shift, neg in operands]
        return adder_shape(self.bits[node], described, self.p0[node])

    def bound(self, node: int, offset: int) -> tuple[int, bool]:
        """(bits, signed) of the node's value plus `offset`."""
        low, high = self.lo[node] + offset, self.hi[node] + offset
        return max(1, high.bit_length() + (low < 0), (~low).bit_length() + 1 if low < 0 else 0), low < 0


def adder_shape(width: int, operands: list[tuple[int, bool, int, bool]], constant: int) -> tuple[AdderShape, list[int]]:
    """The canonical cell of a sum, and in which order its ports take the operands (bits, signed, shift, neg)."""
    made = [Operand(bits, sign, shift, neg) for bits, sign, shift, neg in operands]
    order = sorted(range(len(made)), key=lambda k: (made[k].neg, made[k].shift, made[k].width, made[k].signed))
    fixed = (Operand(0, True, value=constant),) if constant else ()
    return AdderShape(width, (*(made[k] for k in order), *fixed)), order


def adder_cells(graph: WordGraph, widest: int = WIDEST) -> Iterator[tuple[int, AdderShape]]:
    """The sums that are adder cells, as (node, shape)."""
    rows = Rows(graph, widest)
    for node in np.flatnonzero(graph.kind == Kind.SUM).tolist():
        operands = rows.operands(node)
        if not rows.is_popcount(operands) and rows.is_adder_cell(node, operands):
            yield node, rows.adder(node, operands)[0]


def plain(name: str) -> str:
    """A Verilog name; '%12', a value of the graph without a name, is v12."""
    made = re.sub(r"[^A-Za-z0-9_]+", "_", name.replace("%", "v"))
    return f"_{made}" if made[:1].isdigit() else made


def unique(names: Iterable[str]) -> list[str]:
    """Distinct plain names, in the same order: the second 'fc' is fc_2."""
    taken: set[str] = set()
    made = []
    for original in names:
        name = base = plain(original) or "layer"
        suffix = 1
        while name in taken:
            suffix += 1
            name = f"{base}_{suffix}"
        taken.add(name)
        made.append(name)
    return made


def layer_modules(graph: WordGraph) -> list[str]:
    """A distinct module name for each layer."""
    return unique(graph.layers)


def probe_names(graph: WordGraph) -> list[str]:
    """The signal of each probed tensor, in the order of `graph.probes`."""
    return [f"{name}_out" for name in unique(graph.probes)]


def probes(graph: WordGraph, prefix: str = "") -> tuple[Probe, ...]:
    """Where each probed layer's tensor can be seen, below the module named by `prefix` ('core.')."""
    named = zip(probe_names(graph), graph.probes.items())
    return tuple(Probe(layer, f"{prefix}{name}", port.tensor) for name, (layer, port) in named)
