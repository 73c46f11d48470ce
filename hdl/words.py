"""WordGraph to Amaranth: a module a layer, a signal an operation, a signal `<layer>_out` for each probed tensor.

This is the form to import, to extend and to simulate in Amaranth. Verilog files are written from the same graph
directly (`nc.hdl.word_verilog`, a thousandth of the time), and tests prove the two equal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from amaranth.hdl import (
    Cat,
    ClockSignal,
    Const,
    Elaboratable,
    EnableInserter,
    Instance,
    Module,
    Mux,
    Shape,
    Signal,
    Value,
)

from nc.hdl.word_adders import Adder
from nc.hdl.word_expressions import Cell
from nc.hdl.word_layout import WIDEST, Rows, layer_modules, probe_names, unique
from nc.hdl.word_popcount import Popcount
from nc.hdl.word_tables import table_cell
from nc.ir.words import Kind, WordGraph, WordPort


class WordDesign(Elaboratable):
    """The combinational or pipelined core: `inputs`, `outputs` are one packed signal a port, `enable` moves registers.

    `cells`: 'inline' elaborates all of it; 'instances' only an instance of the module `module`, whose Verilog
    `nc.hdl.word_verilog` writes, with cells that are shared. `adder_cells`: sums become adder cells, so that a
    technology can replace them; `mapped`: which (a key of `nc.hdl.word_files.MAPPED`); `widest`: operands of a cell.
    """

    def __init__(
        self,
        graph: WordGraph,
        *,
        cells: str = "inline",
        adder_cells: bool = False,
        mapped: str = "xilinx",
        widest: int = WIDEST,
    ) -> None:
        self.graph = graph
        self.cells = cells
        self.adder_cells = adder_cells
        self.mapped = mapped
        self.widest = widest
        self.enable = Signal(init=1, name="enable")
        self.input_names, self.output_names = (unique(p.name for p in ports) for ports in (graph.inputs, graph.outputs))
        self.inputs = [_packed(p, f"in_{name}") for p, name in zip(graph.inputs, self.input_names)]
        self.outputs = [_packed(p, f"out_{name}") for p, name in zip(graph.outputs, self.output_names)]
        self.module = "top_core"
        self.modules = layer_modules(graph)
        self._MustUse__silence = cells == "instances"  # no one need elaborate what is written as Verilog
        self.registered = bool((graph.kind == Kind.REG).any())

    @property
    def ports(self) -> list[Signal]:
        return [*self.inputs, *([self.enable] if self.registered else []), *self.outputs]

    def elaborate(self, platform: object) -> Module | Instance:
        if self.cells == "instances":
            return self._instance()
        graph = self.graph
        m = Module()
        self.values: list[Value] = [Const(0)] * len(graph)
        self._constants()
        for port, name, packed in zip(graph.inputs, self.input_names, self.inputs):
            self._unpack(m, port, name, packed)
        table = Rows(graph, self.widest)
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
        for name, port in zip(probe_names(graph), graph.probes.values()):
            packed = _packed(port, name)
            m.d.comb += packed.eq(self._pack(port))
        for port, packed in zip(graph.outputs, self.outputs):
            m.d.comb += packed.eq(self._pack(port))
        return m

    def place(self, m: Module, name: str, make: partial[Cell], ports: dict[str, Any]) -> None:
        """Put a cell as a submodule of its own."""
        part = make()
        m.submodules[name] = part
        for port, wire in ports.items():
            own = part.ports[port]
            m.d.comb += wire.eq(own) if port == "y" else own.eq(wire)

    def _instance(self) -> Instance:
        ports: dict[str, Any] = {f"i_{signal.name}": signal for signal in self.inputs}
        ports |= {f"o_{signal.name}": signal for signal in self.outputs}
        if self.registered:
            ports |= {"i_clk": ClockSignal("sync"), "i_enable": self.enable}
        return Instance(self.module, **ports)

    def _constants(self) -> None:
        graph = self.graph
        for node in np.flatnonzero(graph.kind == Kind.CONST).tolist():
            self.values[node] = Const(int(graph.p0[node]), Shape(int(graph.bits[node]), bool(graph.signed[node])))

    def _unpack(self, m: Module, port: WordPort, name: str, packed: Signal) -> None:
        for i, node in enumerate(port.nodes.tolist()):
            value = Signal(self.shape(node), name=f"{name}_{i}")
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

    def _declare(self, node: int, table: Rows) -> None:
        name = f"{Kind(table.kind[node]).name.lower()}{node}"
        self.values[node] = Signal(self.shape(node), name=name, reset_less=table.kind[node] == Kind.REG)


def _packed(port: WordPort, name: str) -> Signal:
    return Signal(max(1, port.tensor.width), name=name)


def _sum(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    operands = t.operands(node)
    if t.is_popcount(operands):
        return _popcount(d, m, node, t, operands)
    if t.wires[node]:
        return _concatenate(d, m, node, t, operands)
    if d.adder_cells and t.is_adder_cell(node, operands):
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


def _concatenate(d: WordDesign, m: Module, node: int, t: Rows, operands: list[tuple[int, int, bool]]) -> None:
    parts: list[Value] = []
    place = 0
    for src, shift, _ in sorted(operands, key=lambda operand: operand[1]):
        parts += [Const(0, shift - place)] if shift > place else []
        parts.append(d.values[src])
        place = shift + t.bits[src]
    m.d.comb += d.values[node].eq(Cat(*parts))


def _popcount(d: WordDesign, m: Module, node: int, t: Rows, operands: list[tuple[int, int, bool]]) -> None:
    """-b is (not b) - 1, so a signed count of bits is a popcount and a constant."""
    bits = [~d.values[src] if neg else d.values[src] for src, _, neg in operands]
    size = len(bits)
    count = Signal(size.bit_length(), name=f"count{node}")
    d.place(m, f"popcount{node}", partial(Popcount, size), {"x": Cat(*bits), "y": count})
    shift = operands[0][1]
    offset = t.p0[node] - (sum(neg for _, _, neg in operands) << shift)
    m.d.comb += d.values[node].eq(count.shift_left(shift) + offset)


def _adder_cell(d: WordDesign, m: Module, node: int, t: Rows, operands: list[tuple[int, int, bool]]) -> None:
    shape, order = t.adder(node, operands)
    ports: dict[str, Any] = {f"x{i}": d.values[operands[k][0]] for i, k in enumerate(order)}
    ports["y"] = d.values[node]
    d.place(m, f"add{node}", partial(Adder, shape), ports)


def _mul(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    (a, _, _), (b, _, _) = t.operands(node)
    m.d.comb += d.values[node].eq(d.values[a] * d.values[b])


def _offset(d: WordDesign, m: Module, node: int, t: Rows) -> tuple[Value, Value]:
    (a, *_), *rest = t.operands(node)
    if not rest:
        return d.values[a], Const(t.p0[node])
    b = rest[0][0]
    if not t.p0[node]:
        return d.values[a], d.values[b]
    bound = Signal(Shape(*t.bound(b, t.p0[node])), name=f"bound{node}")
    m.d.comb += bound.eq(d.values[b] + t.p0[node])
    return d.values[a], bound


def _ge(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    a, b = _offset(d, m, node, t)
    m.d.comb += d.values[node].eq(a >= b)


def _eq(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    a, b = _offset(d, m, node, t)
    m.d.comb += d.values[node].eq(a == b)


def _mux(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    s, a, b = (d.values[src] for src, _, _ in t.operands(node))
    m.d.comb += d.values[node].eq(Mux(s, a, b))


def _extreme(d: WordDesign, m: Module, node: int, t: Rows) -> None:
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


def _clamp(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    ((src, _, _),) = t.operands(node)
    a, low, high = d.values[src], t.p0[node], t.p1[node]
    result: Any = a
    if int(d.graph.hi[src]) > high:
        result = Mux(a > high, Const(high, d.values[node].shape()), result)
    if int(d.graph.lo[src]) < low:
        below = a[-1] if low == 0 else a < low
        result = Mux(below, Const(low, d.values[node].shape()), result)
    m.d.comb += d.values[node].eq(result)


def _shr(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    ((src, _, _),) = t.operands(node)
    m.d.comb += d.values[node].eq(d.values[src] >> t.p0[node])


def _bits(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    ((src, _, _),) = t.operands(node)
    a, low, high = d.values[src], t.p0[node], t.p0[node] + t.p1[node]
    missing = max(0, high - len(a))
    fill = [a[-1] if t.signed[src] else Const(0, 1)] * missing
    m.d.comb += d.values[node].eq(Cat(a, *fill)[low:high])


def _table(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    ((src, _, _),) = t.operands(node)
    name, make = table_cell(d.graph, t, node, src)
    d.place(m, f"table{node}", make, {"x": d.values[src], "y": d.values[node]})


def _reg(d: WordDesign, m: Module, node: int, t: Rows) -> None:
    ((src, _, _),) = t.operands(node)
    m.d.sync += d.values[node].eq(d.values[src])


EMIT: dict[Kind, Callable[[WordDesign, Module, int, Rows], None]] = {
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
