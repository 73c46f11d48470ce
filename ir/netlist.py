"""Netlist: bit-level cells and nets as integers in flat arrays.

A net is an integer; nets 0 and 1 are the constants. A cell has a type (`nc.ir.netlist_cells.CellType`) and one net a
pin, inputs first, in the type's order. Everything is struct-of-arrays, so that 10^6 cells fit and passes are numpy.

Neighbours: `netlist_build` (making one), `netlist_eval` (bit-parallel evaluation), `netlist_text` (text form, round
trip), `netlist_export` (structural Verilog, BLIF). Readers of Yosys JSON, AIGER and BLIF are compiler frontends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nc.ir.diagnostics import Collector, Where, fail, suggest
from nc.ir.netlist_cells import CellType

Ints = np.ndarray[Any, np.dtype[np.int32]]
Longs = np.ndarray[Any, np.dtype[np.int64]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

FALSE, TRUE = 0, 1
"""The constant nets."""

NO_DRIVER, PORT_DRIVER, CONSTANT_DRIVER = -1, -2, -3
"""What `Netlist.driver` holds for nets that no cell drives."""


@dataclass(frozen=True, eq=False)
class Port:
    """A named bundle of nets, element 0 the least significant bit."""

    name: str
    nets: Ints

    @property
    def width(self) -> int:
        return len(self.nets)


@dataclass(frozen=True, eq=False)
class Netlist:
    """A flat module. Invariants, checked by `verify`: every net that is read has exactly one driver (a cell's output,
    an input port, or a constant); no cycle of cells without a flip-flop in it; pin counts fit the types.

    `pins[pin_start[c]:pin_start[c + 1]]` are the nets of cell c. `init[c]` is a flip-flop's state after reset.
    `cell_names` is empty (then cell c is called `c<c>`) or holds one name a cell; `net_names` is sparse.
    """

    name: str
    types: tuple[CellType, ...]
    cell_type: Ints
    pin_start: Longs
    pins: Ints
    n_nets: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    init: Bytes
    cell_names: tuple[str, ...] = ()
    net_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def n_cells(self) -> int:
        return len(self.cell_type)

    def cell_name(self, cell: int) -> str:
        return self.cell_names[cell] if self.cell_names else f"c{cell}"

    def type_of(self, cell: int) -> CellType:
        return self.types[int(self.cell_type[cell])]

    def pins_of(self, cell: int) -> Ints:
        return self.pins[self.pin_start[cell] : self.pin_start[cell + 1]]

    def inputs_of(self, cell: int) -> Ints:
        return self.pins_of(cell)[: len(self.type_of(cell).inputs)]

    def outputs_of(self, cell: int) -> Ints:
        return self.pins_of(cell)[len(self.type_of(cell).inputs) :]

    def groups(self) -> Iterator[tuple[CellType, Longs, Ints]]:
        """For each type in use: (type, its cells (k,), their pins (k, pins of the type))."""
        for number, kind in enumerate(self.types):
            cells = np.flatnonzero(self.cell_type == number)
            if len(cells):
                columns = np.arange(len(kind.pins))
                yield kind, cells, self.pins[self.pin_start[cells][:, None] + columns]

    def count(self) -> dict[str, int]:
        """How many cells of each type, by name, in alphabetical order."""
        found = Counter({kind.name: len(cells) for kind, cells, _ in self.groups()})
        return dict(sorted(found.items()))

    def port(self, name: str) -> Port:
        ports = {port.name: port for port in self.inputs + self.outputs}
        if name not in ports:
            fail("NC282", f"netlist '{self.name}' has no port '{name}'", help=suggest(name, ports))
        return ports[name]

    @cached_property
    def driver(self) -> Ints:
        """(n_nets,) the cell that drives each net, or NO_DRIVER, PORT_DRIVER, CONSTANT_DRIVER."""
        found = np.full(self.n_nets, NO_DRIVER, np.int32)
        for kind, cells, pins in self.groups():
            found[pins[:, len(kind.inputs) :]] = cells[:, None]
        for port in self.inputs:
            found[port.nets] = PORT_DRIVER
        found[:2] = CONSTANT_DRIVER
        return found

    @cached_property
    def input_pin(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(pins,) whether each entry of `pins` is read by its cell (else driven by it)."""
        n_inputs = np.array([len(kind.inputs) for kind in self.types], np.int64)
        cell = self.pin_cell
        return (np.arange(len(self.pins)) - self.pin_start[cell]) < n_inputs[self.cell_type[cell]]

    @cached_property
    def pin_cell(self) -> Longs:
        """(pins,) the cell that each entry of `pins` belongs to."""
        return np.repeat(np.arange(self.n_cells), np.diff(self.pin_start))

    @cached_property
    def fanout(self) -> Longs:
        """(n_nets,) readers of each net: cell inputs plus output ports."""
        counts = np.bincount(self.pins[self.input_pin], minlength=self.n_nets)
        for port in self.outputs:
            np.add.at(counts, port.nets, 1)
        return counts

    @cached_property
    def is_sequential(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n_cells,) whether each cell is a flip-flop."""
        by_type = np.array([kind.sequential for kind in self.types], bool)
        return by_type[self.cell_type] if len(self.types) else np.zeros(0, bool)

    @cached_property
    def clock_nets(self) -> Ints:
        """The distinct nets on flip-flops' clock pins."""
        found = [pins[:, kind.inputs.index(kind.clock)] for kind, _, pins in self.groups() if kind.sequential]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int32)

    @cached_property
    def levels(self) -> Ints:
        """(n_cells,) topological level of each cell: 0 for flip-flops and cells fed by ports and constants only.

        Cells in a combinational loop, or fed by one, get -1. Kahn's algorithm, one numpy sweep a level.
        """
        driver = self.driver[self.pins]
        edge = self.input_pin & (driver >= 0) & ~self.is_sequential[self.pin_cell]
        edge &= ~self.is_sequential[np.where(driver >= 0, driver, 0)] if self.n_cells else False
        source, sink = driver[edge], self.pin_cell[edge]
        order = np.argsort(source, kind="stable")
        source, sink = source[order], sink[order]
        first = np.searchsorted(source, np.arange(self.n_cells + 1))
        waiting = np.bincount(sink, minlength=self.n_cells)
        level = np.full(self.n_cells, -1, np.int32)
        ready, now = np.flatnonzero(waiting == 0), 0
        while len(ready):
            level[ready] = now
            counts = first[ready + 1] - first[ready]
            starts = np.repeat(first[ready] - np.cumsum(counts) + counts, counts)
            reached = sink[starts + np.arange(len(starts))]
            fed, times = np.unique(reached, return_counts=True)
            waiting[fed] -= times
            ready, now = fed[waiting[fed] == 0], now + 1
        return level

    @property
    def depth(self) -> int:
        """Cells on the longest combinational path."""
        return int(self.levels.max(initial=-1)) + 1

    def loop(self) -> tuple[int, ...]:
        """The cells of one combinational loop, in order of the signal, or () when there is none."""
        stuck = self.levels < 0
        if not stuck.any():
            return ()
        at = int(np.flatnonzero(stuck)[0])
        path: list[int] = []
        seen: dict[int, int] = {}
        while at not in seen:
            seen[at] = len(path)
            path.append(at)
            feeding = self.driver[self.inputs_of(at)]
            at = next(int(c) for c in feeding if c >= 0 and stuck[c] and not self.is_sequential[c])
        return tuple(reversed(path[seen[at] :]))

    def net_name(self, net: int) -> str:
        """A readable name of a net: its own, the port bit or the cell pin that drives it."""
        if net in (FALSE, TRUE):
            return f"constant {net}"
        if net in self.net_names:
            return self.net_names[net]
        cell = int(self.driver[net])
        if cell >= 0:
            pin = self.type_of(cell).outputs[list(self.outputs_of(cell)).index(net)]
            return f"{self.cell_name(cell)}.{pin}"
        for port in self.inputs:
            if net in port.nets:
                return f"{port.name}[{list(port.nets).index(net)}]"
        return f"n{net}"

    def verify(self) -> Netlist:
        """Check the invariants; raise every violation at once (NC282 structure, NC283 loop), else return itself."""
        found = Collector()
        widths = np.array([len(kind.pins) for kind in self.types], np.int64)
        if (np.diff(self.pin_start) != widths[self.cell_type]).any():
            fail("NC282", f"cells of netlist '{self.name}' must have as many pins as their types")
        used = [self.pins] + [port.nets for port in self.inputs + self.outputs]
        if any(len(nets) and (nets.min() < 0 or nets.max() >= self.n_nets) for nets in used):
            fail("NC282", f"nets of netlist '{self.name}' must be in 0..{self.n_nets - 1}")
        drives = np.bincount(self.pins[~self.input_pin], minlength=self.n_nets)
        for port in self.inputs:
            np.add.at(drives, port.nets, 1)
        drives[:2] += 1
        read = self.fanout > 0
        for net in np.flatnonzero((drives > 1) | (read & (drives == 0)))[:20]:
            found.error(
                "NC282",
                f"net must have exactly one driver, not {drives[net]}",
                where=Where(tensor=self.net_names.get(int(net), f"n{net}")),
            )
        found.raise_if_any()
        if loop := self.loop():
            names = " -> ".join(f"{self.cell_name(c)} ({self.type_of(c).name})" for c in loop[:8])
            more = f" ... ({len(loop)} cells)" if len(loop) > 8 else ""
            fail(
                "NC283",
                f"netlist '{self.name}' must have no combinational loop",
                op=f"{names}{more} -> {self.cell_name(loop[0])}",
                help="break the loop with a flip-flop",
            )
        return self
