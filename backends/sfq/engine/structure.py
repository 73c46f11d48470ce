"""The engine's cells: lanes, columns, counters, latches, shift register, and the trees that reach them.

    x[k] ----v                         w[n,k] -v
    register k -> MERGE -> tree ---------> XOR[n,k] -> mergers of column n -> T1 -> T1 ... -> latch n -> register
                                            ^ clk, lane k later than k - 1        ^ clear         ^ load     ^ shift

The lanes of a column fire one after the other, a merger's and a counter's dead time apart, so that mergers and T1
cells count them without any adder. Carries ripple: they follow the pulse that caused them at a fixed distance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nc.backends.sfq.engine.program import Shape
from nc.backends.sfq.library import Library
from nc.backends.sfq.physical import Wiring
from nc.ir.diagnostics import fail
from nc.ir.netlist import Ints, Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import CellType

ROLES = ("logic", "counter", "register", "clock", "split", "wire", "interface")
"""What a cell is there for. logic: XORs, their mergers, latches; register: the activations' shift register; clock: the
trees of clk, shift, load and clear; split: the lanes' trees."""

WIRES: Mapping[Wiring, tuple[str, ...]] = {"abut": (), "jtl": ("wire",), "ptl": ("transmitter", "receiver")}
"""Roles of the cells between two others."""

NEEDED = ("XOR", "T1", "TERM")
"""Cells, beside those with a role, that a library must have."""


@dataclass(frozen=True, eq=False)
class Engine:
    """`netlist` with ports clk, shift, load, clear, x (K), w (N K), preset (N L) and win (classes); `role[c]` indexes
    ROLES. `xor` (N, K), `counter` (N, B), `latch` (N,), `tail` (K,): cell numbers."""

    netlist: Netlist
    role: Ints
    shape: Shape
    library: Library
    xor: Ints
    counter: Ints
    latch: Ints
    tail: Ints

    def jj(self) -> dict[str, int]:
        """Josephson junctions by role, and their total."""
        each = self._each("jj")
        found = {role: int(each[self.role == i].sum()) for i, role in enumerate(ROLES)}
        return {**found, "total": sum(found.values())}

    def total(self, what: str) -> float:
        """Sum of a cell figure ('bias' in uA, 'width' in um)."""
        return float(self._each(what).sum())

    def _each(self, what: str) -> Ints:
        by_type = np.array([getattr(self.library[kind.name].data, what) for kind in self.netlist.types])
        return np.asarray(by_type[self.netlist.cell_type])

    @cached_property
    def spacing(self) -> float:
        """ps between the pulses of neighbouring lanes, at least."""
        return spacing_of(self.library)


def spacing_of(library: Library) -> float:
    counter, merger = library["T1"], library.role("merger")
    first, second = merger.data.inputs[:2]
    return max(counter.limit("t", "t"), merger.limit(first, first), merger.limit(first, second)) + 0.3


class _Maker:
    """The netlist under construction."""

    def __init__(self, shape: Shape, library: Library, wiring: Wiring):
        self.shape, self.library, self.wiring = shape, library, wiring
        types = {name: _type(library, name) for name in library.cells}
        self.make = NetlistBuilder("top", types)
        self.role: list[int] = []
        self.cells = 0

    def add(
        self, name: str, inputs: Sequence[int], role: str, label: str = "", outputs: Sequence[int] | None = None
    ) -> list[int]:
        self.role.append(ROLES.index(role))
        self.cells += 1
        return self.make.cell(name, inputs, outputs, name=label)

    def wire(self, net: int, role: str = "wire") -> int:
        for name in WIRES[self.wiring]:
            net = self.add(self.library.role(name).name, [net], role)[0]
        return net

    def port(self, name: str, width: int) -> list[int]:
        """Inputs come over PTLs from a sequencer and a memory on another chip."""
        return [self.add(self.library.role("receiver").name, [n], "interface")[0] for n in self.make.input(name, width)]

    def tree(self, net: int, leaves: int, role: str) -> list[int]:
        """A balanced splitter tree; every branch is a wire."""
        if leaves == 1:
            return [net]
        a, b = self.add(self.library.role("splitter").name, [net], role)
        high = leaves // 2
        return self.tree(self.wire(a), leaves - high, role) + self.tree(self.wire(b), high, role)

    def taps(self, net: int, role: str) -> list[int]:
        """One net a lane, each later than the one before by at least the lanes' spacing."""
        split, wire = self.library.role("splitter"), self.library.role("wire")
        found: list[int] = []
        gap, at, last = spacing_of(self.library), 0.0, -math.inf
        for lane in range(self.shape.lanes):
            rest = net
            if lane < self.shape.lanes - 1:
                net, rest = self.add(split.name, [net], role)
                at += split.data.delay
            late = at
            while late < last + gap:
                rest = self.add(wire.name, [rest], role)[0]
                late += wire.data.delay
            found.append(rest)
            last = late
        return found

    def merge(self, a: int, b: int, role: str) -> int:
        return self.add(self.library.role("merger").name, [a, b], role)[0]


def _type(library: Library, name: str) -> CellType:
    """Pins, and which of them is a clock, so that loops through clocked cells are legal."""
    data = library[name].data
    return CellType(name, data.inputs, data.outputs, tuple("0" for _ in data.outputs), data.clock)


def build(shape: Shape, library: Library, wiring: Wiring = "jtl") -> Engine:
    """All cells. Errors: NC801 for a library without one of NEEDED."""
    for name in NEEDED:
        if name not in library.cells:
            fail("NC801", f"cell library must have a cell '{name}' for the engine")
    m = _Maker(shape, library, wiring)
    lanes, columns = shape.lanes, shape.columns
    clk, shift, load, clear = (m.port(name, 1)[0] for name in ("clk", "shift", "load", "clear"))
    x, w = m.port("x", lanes), m.port("w", columns * lanes)
    preset = m.port("preset", columns * len(shape.preset_stages)) if shape.preset_stages else []
    clocks = [m.tree(net, columns, "clock") for net in m.taps(clk, "clock")]
    shifts = [m.tree(net, shape.depth, "clock") for net in m.taps(shift, "clock")]
    loads, clears = (m.tree(net, columns, "clock") for net in (load, clear))
    buffer = library.role("buffer").name
    latched = m.make.nets(columns)  # overflow of each column, driven below
    latch, held = np.zeros(columns, np.int32), []
    for n in range(columns):
        latch[n] = m.cells
        held.append(m.wire(m.add(buffer, [latched[n], loads[n]], "logic", f"latch_{n}")[0]))
    tail, streams = np.zeros(lanes, np.int32), []
    for k in range(lanes):
        net = -1
        for position in reversed(range(shape.depth)):
            arrived = held[position * lanes + k]
            data = arrived if net < 0 else m.wire(m.merge(net, arrived, "register"))
            tail[k] = m.cells
            net = m.add(buffer, [data, shifts[k][position]], "register", f"register_{k}_{position}")[0]
        streams.append(m.tree(m.wire(m.merge(x[k], net, "register")), columns, "split"))
    xor, counter = np.zeros((columns, lanes), np.int32), np.zeros((columns, shape.stages), np.int32)
    wins = []
    for n in range(columns):
        fired = []
        for k in range(lanes):
            inputs = [m.wire(streams[k][n]), m.wire(w[n * lanes + k]), clocks[k][n]]
            xor[n, k] = m.cells
            fired.append(m.add("XOR", inputs, "logic", f"xnor_{n}_{k}")[0])
        while len(fired) > 1:
            fired = [m.merge(a, b, "logic") for a, b in zip(fired[::2], fired[1::2])] + fired[2 * (len(fired) // 2) :]
        over = _counter(m, n, fired[0], clears[n], preset, counter)
        if n < shape.classes:
            over, out = m.add(library.role("splitter").name, [over], "split")
            wins.append(m.add(library.role("transmitter").name, [out], "interface")[0])
        m.add(library.role("wire").name, [over], "wire", outputs=[latched[n]])
    m.make.output("win", wins)
    netlist = m.make.build()
    return Engine(netlist, np.array(m.role, np.int32), shape, library, xor, counter, latch, tail)


def _counter(m: _Maker, n: int, pulses: int, clear: int, preset: Sequence[int], counter: Ints) -> int:
    """A ripple counter of T1 cells; the clear pulse follows along it as slowly as the carries do. Returns overflows."""
    shape, library = m.shape, m.library
    merger, split, wire = library.role("merger"), library.role("splitter"), library.role("wire")
    t1 = library["T1"]
    behind = 0.0  # ps that the clear pulse has gained on the carries
    lines = {stage: i for i, stage in enumerate(shape.preset_stages)}
    for stage in range(shape.stages):
        if stage in lines:
            line = preset[n * len(lines) + lines[stage]]
            pulses = m.merge(pulses, m.wire(line), "counter")
            behind += merger.data.delay
        while behind >= wire.data.delay and stage:
            clear = m.add(wire.name, [clear], "clock")[0]
            behind -= wire.data.delay
        here = clear
        if stage < shape.stages - 1:
            here, clear = m.add(split.name, [clear], "clock")
        into = m.wire(pulses)
        counter[n, stage] = m.cells
        total, pulses = m.add("T1", [into, here], "counter", f"count_{n}_{stage}")
        m.add("TERM", [total], "counter")
        behind += t1.data.delay + sum(library.role(name).data.delay for name in WIRES[m.wiring]) - split.data.delay
    return pulses
