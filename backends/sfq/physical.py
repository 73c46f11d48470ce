"""From a mapped netlist and its schedule to all cells: DFF chains, splitter trees, wires, clock trees, interface."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count as counter
from typing import Literal

import numpy as np

from nc.backends.sfq.balance import Schedule
from nc.backends.sfq.library import Library
from nc.ir.netlist import Ints, Netlist, Port
from nc.ir.netlist_build import NetlistBuilder

ROLES = ("logic", "balance", "split", "clock", "wire", "interface")
"""What a cell is there for; `Balanced.role` holds indices."""
LOGIC, BALANCE, SPLIT, CLOCK, WIRE, INTERFACE = range(len(ROLES))

Wiring = Literal["abut", "jtl", "ptl"]
"""Between a splitter tree's end and a cell's data input: nothing, one JTL, or a PTL with driver and receiver."""


@dataclass(frozen=True, eq=False)
class Balanced:
    """A complete SFQ netlist.

    `netlist`: every cell with all its pins; clock pins are inputs that the functions ignore, so that its evaluation is
    the source's function. `role[c]` (index of ROLES), `stage[c]` (clocked cells: 1..depth; others -1). Inputs come at
    stage 0, outputs leave in stage `depth`. Clock ports: `clk`, or `clk0`… one a phase (stage s uses phase s mod k).
    """

    netlist: Netlist
    role: Ints
    stage: Ints
    phases: int
    depth: int
    clock_depth: tuple[int, ...]
    library: Library

    def jj(self) -> dict[str, int]:
        """Josephson junctions by role, and their total."""
        by_type = np.array([self.library[kind.name].data.jj for kind in self.netlist.types] or [0])
        each = by_type[self.netlist.cell_type] if self.netlist.n_cells else np.zeros(0, int)
        found = {role: int(each[self.role == i].sum()) for i, role in enumerate(ROLES)}
        return {**found, "total": sum(found.values())}

    def total(self, what: str) -> float:
        """Sum of a cell figure ('bias' in uA, 'width' in um)."""
        by_type = np.array([getattr(self.library[kind.name].data, what) for kind in self.netlist.types] or [0.0])
        return float(by_type[self.netlist.cell_type].sum()) if self.netlist.n_cells else 0.0


def clock_ports(phases: int) -> list[str]:
    return ["clk"] if phases == 1 else [f"clk{i}" for i in range(phases)]


class _Layout:
    """The netlist under construction, with roles and stages beside it."""

    def __init__(self, source: Netlist, library: Library, wiring: Wiring):
        self.make = NetlistBuilder(source.name, library.cell_types)
        self.library, self.wiring = library, wiring
        self.role: list[int] = []
        self.stage: list[int] = []
        self.clock_pins: list[tuple[int, int]] = []
        self.alias: dict[int, int] = {}  # root of a splitter tree -> the net that drives it

    def clocked(self, name: str, data: Sequence[int], outputs: Sequence[int], role: int, stage: int) -> None:
        """A clocked cell with a new net on its clock pin, driven later by the clock tree."""
        cell = self.library[name]
        pin = self.make.nets(1)[0]
        given = iter(data)
        inputs = [pin if p == cell.data.clock else next(given) for p in cell.data.inputs]
        self.role.append(role)
        self.stage.append(stage)
        self.clock_pins.append((stage, pin))
        self.make.cell(name, inputs, outputs)

    def tree(self, net: int, sinks: list[tuple[float, int]], role: int, wire: bool = False) -> None:
        """Drive all sink nets from `net` by splitters; sinks are (slack, net), those with least slack near the root.

        Golumbic's merging of the two least urgent (as Huffman's): the smallest possible worst arrival.
        """
        if wire and self.wiring != "abut":
            sinks = [(slack, self._wire_to(sink)) for slack, sink in sinks]
        delay, order = self.library.role("splitter").data.delay, counter()
        heap = [(-slack, next(order), sink) for slack, sink in sinks]
        heapq.heapify(heap)
        joined: list[tuple[int, int, int]] = []
        while len(heap) > 1:
            (s1, _, a), (s2, _, b) = heapq.heappop(heap), heapq.heappop(heap)
            above = self.make.nets(1)[0]
            joined.append((above, a, b))
            heapq.heappush(heap, (-(min(-s1, -s2) - delay), next(order), above))
        self.alias[heap[0][2]] = net
        splitter = self.library.role("splitter").name
        for above, a, b in reversed(joined):
            self.add(splitter, above, [a, b], role)

    def _wire_to(self, sink: int) -> int:
        names = {"jtl": ["wire"], "ptl": ["receiver", "transmitter"]}[self.wiring]
        for name in names:
            before = self.make.nets(1)[0]
            self.add(self.library.role(name).name, before, [sink], WIRE)
            sink = before
        return sink

    def add(self, name: str, before: int, after: list[int], role: int) -> None:
        """An unclocked cell between given nets."""
        self.role.append(role)
        self.stage.append(-1)
        self.make.cell(name, [before], after)


def build(source: Netlist, plan: Schedule, library: Library, *, wiring: Wiring = "jtl") -> Balanced:
    """All cells of a mapped netlist under a schedule. Constant outputs stay constants (no pulse, or one a period)."""
    k, depth = plan.phases, plan.depth
    layout = _Layout(source, library, wiring)
    make, buffer = layout.make, library.role("buffer")
    net_of = {0: 0, 1: 1}
    for port in source.inputs:
        net_of.update(zip(port.nets.tolist(), make.input(port.name, port.width)))
    clocks = [make.input(name, 1)[0] for name in clock_ports(k)]
    sinks: dict[int, list[tuple[int, float, int]]] = {}
    for cell in range(source.n_cells):
        kind, stage = source.type_of(cell), int(plan.stage[cell])
        pins = make.nets(len(kind.inputs))
        for net, pin in zip(source.inputs_of(cell).tolist(), pins):
            sinks.setdefault(net, []).append((stage, -library[kind.name].setup, pin))
        out = make.nets(len(kind.outputs))
        net_of.update(zip(source.outputs_of(cell).tolist(), out))
        layout.clocked(kind.name, pins, out, LOGIC, stage)
    ends: list[tuple[str, list[int]]] = []
    for port in source.outputs:
        bits = []
        for net in port.nets.tolist():
            bits.append(net if net < 2 else make.nets(1)[0])
            if net >= 2:
                sinks.setdefault(net, []).append((depth + 1, 0.0, bits[-1]))
        ends.append((port.name, bits))
    start = {net: int(plan.stage[c]) for c in range(source.n_cells) for net in source.outputs_of(c).tolist()}
    for net in start.keys() - sinks.keys():  # of an adder of which one output is read
        layout.add(library.role("terminator").name, net_of[net], [], WIRE)
    for net, readers in sinks.items():
        _chain(layout, net_of[net], start.get(net, 0), readers, k, buffer.name)
    clock_depth = _clock_trees(layout, clocks, k)
    for name, bits in ends:
        make.output(name, bits)
    return _finish(layout, ends, k, depth, clock_depth, library)


def _chain(
    layout: _Layout, net: int, start: int, readers: list[tuple[int, float, int]], phases: int, buffer: str
) -> None:
    """A net's DFF chain: element j (0 is the source) feeds the readers 1..k stages after it, and element j + 1."""
    last = max(stage for stage, _, _ in readers)
    length = -(-(last - start) // phases) - 1
    fed: list[list[tuple[float, int]]] = [[] for _ in range(length + 1)]
    for stage, slack, pin in readers:
        fed[(stage - start - 1) // phases].append((slack, pin))
    for j in range(length + 1):
        following = -1
        if j < length:
            following, pin = layout.make.nets(2)
            layout.clocked(buffer, [pin], [following], BALANCE, start + (j + 1) * phases)
            fed[j].append((0.0, pin))
        layout.tree(net, fed[j], SPLIT, wire=True)
        net = following


def _clock_trees(layout: _Layout, clocks: list[int], phases: int) -> tuple[int, ...]:
    """One splitter tree a phase, its leaves at two depths at most: late stages get the earlier clocks.

    So a sink is never clocked later than its source plus nothing: data cannot race through (counter-flow clocking);
    the period pays at most one splitter delay.
    """
    depths = []
    for phase, clock in enumerate(clocks):
        pins = sorted((p for p in layout.clock_pins if p[0] % phases == phase), key=lambda p: -p[0])
        leaves = [pin for _, pin in pins]
        if not leaves:
            depths.append(0)
            continue
        deep = (len(leaves) - 1).bit_length()
        shallow = (1 << deep) - len(leaves)  # leaves one level higher: the first, whose stages are the last
        level, below = leaves[:shallow], leaves[shallow:]
        level += [_split(layout, a, b) for a, b in zip(below[::2], below[1::2])] if deep else below
        while len(level) > 1:
            level = [_split(layout, a, b) for a, b in zip(level[::2], level[1::2])]
        layout.alias[level[0]] = clock
        depths.append(deep)
    return tuple(depths)


def _split(layout: _Layout, a: int, b: int) -> int:
    above = layout.make.nets(1)[0]
    layout.add(layout.library.role("splitter").name, above, [a, b], CLOCK)
    return above


def _finish(
    layout: _Layout, ends: list[tuple[str, list[int]]], phases: int, depth: int, clocks: tuple[int, ...], lib: Library
) -> Balanced:
    """Roots of trees become the nets that drive them; nets are renumbered without gaps."""
    made = layout.make.build_unchecked()
    number = np.arange(made.n_nets, dtype=np.int32)
    for root, net in layout.alias.items():
        number[root] = net
    pins = number[made.pins]
    outputs = tuple(Port(p.name, number[p.nets]) for p in made.outputs)
    used = np.zeros(made.n_nets, bool)
    used[:2] = True
    for nets in (pins, *(p.nets for p in (*made.inputs, *outputs))):
        used[nets] = True
    dense = (np.cumsum(used) - 1).astype(np.int32)
    netlist = replace(
        made,
        pins=dense[pins],
        n_nets=int(used.sum()),
        inputs=tuple(Port(p.name, dense[p.nets]) for p in made.inputs),
        outputs=tuple(Port(p.name, dense[p.nets]) for p in outputs),
    ).verify()
    role, stage = np.array(layout.role, np.int32), np.array(layout.stage, np.int32)
    return Balanced(netlist, role, stage, phases, depth, clocks, lib)
