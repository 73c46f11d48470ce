"""WordGraph to Amaranth: a module a layer, a signal an operation, a signal `<layer>_out` for each probed tensor.

Adders and popcounts can be inlined (plain `+`, for Amaranth's own simulator) or placed as instances of shared
cells (`cells='instances'`), each of which is then emitted once: see `nc.hdl.word_files`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Elaboratable, EnableInserter, Instance, Module, Mux, Shape, Signal, Value

from nc.hdl.word_adders import Adder, AdderShape, Operand
from nc.hdl.word_popcount import Popcount
from nc.hdl.word_tables import TableCell
from nc.ir.stream import Probe
from nc.ir.words import Kind, WordGraph, WordPort
from nc.ir.words.kinds import POPCOUNT_LEAST

Cell = Adder | Popcount | TableCell


class WordDesign(Elaboratable):
    """The combinational or pipelined core: `inputs`, `outputs` are one packed signal a port, `enable` moves registers.

    `cells`: 'inline' or 'instances'. `adder_cells`: sums become adder cells, so that a technology can replace them.
    """

    def __init__(self, graph: WordGraph, *, cells: str = "inline", adder_cells: bool = False) -> None:
        self.graph = graph
        self.cells = cells
        self.adder_cells = adder_cells
        self.enable = Signal(init=1, name="enable")
        self.inputs = [Signal(max(1, p.tensor.width), name=f"in_{_plain(p.name)}") for p in graph.inputs]
        self.outputs = [Signal(max(1, p.tensor.width), name=f"out_{_plain(p.name)}") for p in graph.outputs]
        self.used: dict[str, partial[Cell]] = {}
        self.modules = layer_modules(graph)

    @property
    def ports(self) -> list[Signal]:
        registered = bool((self.graph.kind == Kind.REG).any())
        return [*self.inputs, *([self.enable] if registered else []), *self.outputs]

    def elaborate(self, platform: object) -> Module:
        graph = self.graph
        m = Module()
        self.values: list[Value] = [Const(0)] * len(graph)
        self._constants()
        for port, packed in zip(graph.inputs, self.inputs):
            self._unpack(m, port, packed)
        table = _Rows(graph)
        for layer in range(len(graph.layers)):
            nodes = np.flatnonzero((graph.layer == layer) & ~np.isin(graph.kind, (Kind.INPUT, Kind.CONST)))
            if len(nodes):
                part = Module()
                for node in nodes.tolist():
                    self._declare(node, table)
                m.submodules[self.modules[layer]] = (
                    EnableInserter(self.enable)(part) if (graph.kind[nodes] == Kind.REG).any() else part
                )
                for node in nodes.tolist():
                    EMIT[Kind(table.kind[node])](self, part, node, table)
        for layer_name, port in graph.probes.items():
            packed = Signal(max(1, port.tensor.width), name=f"{_plain(layer_name)}_out")
            m.d.comb += packed.eq(self._pack(port))
        for port, packed in zip(graph.outputs, self.outputs):
            m.d.comb += packed.eq(self._pack(port))
        return m

    def place(self, m: Module, name: str, cell: str, make: partial[Cell], ports: dict[str, Any]) -> None:
        """Put a shared cell: as a submodule of its own when inlined, as an instance of `cell` otherwise."""
        if self.cells == "inline":
            part = make()
            m.submodules[name] = part
            for port, wire in ports.items():
                own = part.ports[port]
                m.d.comb += wire.eq(own) if port == "y" else own.eq(wire)
            return
        self.used.setdefault(cell, make)
        directed = {("o_" if port == "y" else "i_") + port: wire for port, wire in ports.items()}
        m.submodules[name] = Instance(cell, **directed)

    def _constants(self) -> None:
        graph = self.graph
        for node in np.flatnonzero(graph.kind == Kind.CONST).tolist():
            self.values[node] = Const(int(graph.p0[node]), Shape(int(graph.bits[node]), bool(graph.signed[node])))

    def _unpack(self, m: Module, port: WordPort, packed: Signal) -> None:
        for i, node in enumerate(port.nodes.tolist()):
            value = Signal(self.shape(node), name=f"{_plain(port.name)}_{i}")
            m.d.comb += value.eq(packed[i * port.bits : i * port.bits + len(value)])
            self.values[node] = value

    def _pack(self, port: WordPort) -> Value:
        elements = []
        for node in port.nodes.tolist():
            value = self.values[node]
            missing = port.bits - len(value)
            fill = [value[-1] if self.graph.signed[node] else Const(0, 1)] * max(0, missing)
            elements.append(Cat(value[: port.bits], *fill))
        return Cat(*elements)

    def shape(self, node: int) -> Shape:
        return Shape(int(self.graph.bits[node]), bool(self.graph.signed[node]))

    def _declare(self, node: int, table: _Rows) -> None:
        name = f"{Kind(table.kind[node]).name.lower()}{node}"
        self.values[node] = Signal(self.shape(node), name=name, reset_less=table.kind[node] == Kind.REG)


def probes(graph: WordGraph, prefix: str = "") -> tuple[Probe, ...]:
    """Where each probed layer's tensor can be seen, below the module named by `prefix` ('core.')."""
    return tuple(Probe(layer, f"{prefix}{_plain(layer)}_out", port.tensor) for layer, port in graph.probes.items())


class _Rows:
    """The graph's arrays as lists: element access from Python is several times faster than numpy's."""

    def __init__(self, graph: WordGraph) -> None:
        self.kind = graph.kind.tolist()
        self.p0, self.p1 = graph.p0.tolist(), graph.p1.tolist()
        self.start = graph.start.tolist()
        self.src, self.shift, self.neg = graph.src.tolist(), graph.shift.tolist(), graph.neg.tolist()
        self.bits, self.signed = graph.bits.tolist(), graph.signed.tolist()
        self.wires = graph.concatenation.tolist()

    def operands(self, node: int) -> Iterator[tuple[int, int, bool]]:
        entries = slice(self.start[node], self.start[node + 1])
        return zip(self.src[entries], self.shift[entries], self.neg[entries])


def _plain(name: str) -> str:
    """A Verilog name; '%12', a value of the graph without a name, is v12."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", name.replace("%", "v"))


def layer_modules(graph: WordGraph) -> list[str]:
    """A distinct module name for each layer."""
    taken: set[str] = set()
    names = []
    for layer in graph.layers:
        name = base = _plain(layer) or "layer"
        suffix = 1
        while name in taken:
            suffix += 1
            name = f"{base}_{suffix}"
        taken.add(name)
        names.append(name)
    return names


def _sum(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    operands = list(t.operands(node))
    shifts = {shift for _, shift, _ in operands}
    single = all(t.bits[src] == 1 and not t.signed[src] for src, _, _ in operands)
    if single and len(shifts) == 1 and len(operands) >= POPCOUNT_LEAST:
        return _popcount(d, m, node, t, operands)
    if t.wires[node]:
        return _concatenate(d, m, node, t, operands)
    count = len(operands) + (t.p0[node] != 0)
    if d.adder_cells and 2 <= count <= 3 and not all(neg for _, _, neg in operands):
        return _adder_cell(d, m, node, t, operands)
    plus = [d.values[src].shift_left(shift) for src, shift, neg in operands if not neg]
    if t.p0[node] or not plus:
        plus.append(Const(t.p0[node]))
    total = plus[0]
    for term in plus[1:]:
        total = total + term
    for src, shift, neg in operands:
        if neg:
            total = total - d.values[src].shift_left(shift)
    m.d.comb += d.values[node].eq(total)
    return None


def _concatenate(d: WordDesign, m: Module, node: int, t: _Rows, operands: list[tuple[int, int, bool]]) -> None:
    parts: list[Value] = []
    place = 0
    for src, shift, _ in sorted(operands, key=lambda operand: operand[1]):
        parts += [Const(0, shift - place)] if shift > place else []
        parts.append(d.values[src])
        place = shift + t.bits[src]
    m.d.comb += d.values[node].eq(Cat(*parts))


def _popcount(d: WordDesign, m: Module, node: int, t: _Rows, operands: list[tuple[int, int, bool]]) -> None:
    """-b is (not b) - 1, so a signed count of bits is a popcount and a constant."""
    bits = [~d.values[src] if neg else d.values[src] for src, _, neg in operands]
    size = len(bits)
    count = Signal(size.bit_length(), name=f"count{node}")
    d.place(m, f"popcount{node}", f"popcount{size}", partial(Popcount, size), {"x": Cat(*bits), "y": count})
    shift = operands[0][1]
    offset = t.p0[node] - (sum(neg for _, _, neg in operands) << shift)
    m.d.comb += d.values[node].eq(count.shift_left(shift) + offset)


def _adder_cell(d: WordDesign, m: Module, node: int, t: _Rows, operands: list[tuple[int, int, bool]]) -> None:
    shape, order = adder_shape(t.bits[node], [(t.bits[s], t.signed[s], sh, n) for s, sh, n in operands], t.p0[node])
    ports: dict[str, Any] = {f"x{i}": d.values[operands[k][0]] for i, k in enumerate(order)}
    ports["y"] = d.values[node]
    d.place(m, f"add{node}", shape.name, partial(Adder, shape), ports)


def adder_cells(graph: WordGraph) -> Iterator[tuple[int, AdderShape]]:
    """The sums that are adder cells, as (node, shape)."""
    t = _Rows(graph)
    for node in np.flatnonzero(graph.kind == Kind.SUM).tolist():
        operands = list(t.operands(node))
        if t.wires[node]:
            continue
        if 2 <= len(operands) + (t.p0[node] != 0) <= 3 and not all(neg for _, _, neg in operands):
            described = [(t.bits[s], t.signed[s], shift, neg) for s, shift, neg in operands]
            yield node, adder_shape(t.bits[node], described, t.p0[node])[0]


def adder_shape(width: int, operands: list[tuple[int, bool, int, bool]], constant: int) -> tuple[AdderShape, list[int]]:
    """The canonical cell of a sum, and in which order its ports take the operands (bits, signed, shift, neg)."""
    made = [Operand(bits, sign, shift, neg) for bits, sign, shift, neg in operands]
    order = sorted(range(len(made)), key=lambda k: (made[k].neg, made[k].shift, made[k].width, made[k].signed))
    fixed = (Operand(0, True, value=constant),) if constant else ()
    return AdderShape(width, (*(made[k] for k in order), *fixed)), order


def _mul(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    (a, _, _), (b, _, _) = t.operands(node)
    m.d.comb += d.values[node].eq(d.values[a] * d.values[b])


def _offset(d: WordDesign, node: int, t: _Rows) -> tuple[Value, Value]:
    (a, *_), *rest = t.operands(node)
    if not rest:
        return d.values[a], Const(t.p0[node])
    b = d.values[rest[0][0]]
    return d.values[a], b + t.p0[node] if t.p0[node] else b


def _ge(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    a, b = _offset(d, node, t)
    m.d.comb += d.values[node].eq(a >= b)


def _eq(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    a, b = _offset(d, node, t)
    m.d.comb += d.values[node].eq(a == b)


def _mux(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    s, a, b = (d.values[src] for src, _, _ in t.operands(node))
    m.d.comb += d.values[node].eq(Mux(s, a, b))


def _extreme(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    best, *rest = (d.values[src] for src, _, _ in t.operands(node))
    least = t.kind[node] == Kind.MIN
    single = t.bits[node] == 1 and not t.signed[node] and all(len(v) == 1 for v in (best, *rest))
    for i, other in enumerate(rest):
        if single:
            best = best & other if least else best | other
        else:
            chosen = Signal(Mux(1, best, other).shape(), name=f"best{node}_{i}")
            m.d.comb += chosen.eq(Mux(other < best if least else other > best, other, best))
            best = chosen
    m.d.comb += d.values[node].eq(best)


def _clamp(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    ((src, _, _),) = t.operands(node)
    a, low, high = d.values[src], t.p0[node], t.p1[node]
    result: Any = a
    if int(d.graph.hi[src]) > high:
        result = Mux(a > high, Const(high, d.values[node].shape()), result)
    if int(d.graph.lo[src]) < low:
        below = a[-1] if low == 0 else a < low
        result = Mux(below, Const(low, d.values[node].shape()), result)
    m.d.comb += d.values[node].eq(result)


def _shr(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    ((src, _, _),) = t.operands(node)
    m.d.comb += d.values[node].eq(d.values[src] >> t.p0[node])


def _bits(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    ((src, _, _),) = t.operands(node)
    a, low, high = d.values[src], t.p0[node], t.p0[node] + t.p1[node]
    missing = max(0, high - len(a))
    fill = [a[-1] if t.signed[src] else Const(0, 1)] * missing
    m.d.comb += d.values[node].eq(Cat(a, *fill)[low:high])


def _table(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    ((src, _, _),) = t.operands(node)
    a = d.values[src]
    low, high, base = int(d.graph.lo[src]), int(d.graph.hi[src]), t.p1[node]
    number, entries = t.p0[node], d.graph.tables[t.p0[node]]
    name = f"table{number}_{'s' if t.signed[src] else 'u'}{t.bits[src]}"
    span = entries[low - base : high - base + 1]
    cell = f"{name}_{low - base}_{len(span)}" if len(span) != len(entries) else name
    d.place(
        m,
        f"table{node}",
        cell,
        partial(TableCell, span, low, t.bits[src], t.signed[src]),
        {"x": a, "y": d.values[node]},
    )


def _reg(d: WordDesign, m: Module, node: int, t: _Rows) -> None:
    ((src, _, _),) = t.operands(node)
    m.d.sync += d.values[node].eq(d.values[src])


EMIT: dict[Kind, Callable[[WordDesign, Module, int, _Rows], None]] = {
    Kind.SUM: _sum,
    Kind.MUL: _mul,
    Kind.GE: _ge,
    Kind.EQ: _eq,
    Kind.MUX: _mux,
    Kind.MIN: _extreme,
    Kind.MAX: _extreme,
    Kind.CLAMP: _clamp,
    Kind.SHR: _shr,
    Kind.BITS: _bits,
    Kind.TABLE: _table,
    Kind.REG: _reg,
}
