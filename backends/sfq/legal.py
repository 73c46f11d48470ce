"""Legality of a balanced SFQ netlist, checked from the cells alone, and its logic with the balancing stripped."""

from __future__ import annotations

import numpy as np

from nc.backends.sfq.physical import Balanced, clock_ports
from nc.ir.diagnostics import Collector, Where
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder


def arrival_stages(design: Balanced) -> dict[int, tuple[str, int]]:
    """For each net, what it carries: ('data', stage that launches it) or ('clock', phase). Inputs: data of stage 0."""
    netlist, library = design.netlist, design.library
    phase = {name: i for i, name in enumerate(clock_ports(design.phases))}
    found: dict[int, tuple[str, int]] = {}
    for port in netlist.inputs:
        kind = ("clock", phase[port.name]) if port.name in phase else ("data", 0)
        found.update(dict.fromkeys(port.nets.tolist(), kind))
    for cell in np.flatnonzero(design.stage >= 0).tolist():
        found.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), ("data", int(design.stage[cell]))))
    for cell in np.argsort(netlist.levels, kind="stable").tolist():
        if not library[netlist.type_of(cell).name].clocked:
            source = found[int(netlist.inputs_of(cell)[0])]
            found.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), source))
    return found


def check(design: Balanced) -> None:
    """Raise every violation (NC803): a wire not consumed exactly once, a stage not 1..k after its sources, a clock pin
    without its phase's clock, outputs of different stages, a cell without a stage."""
    netlist, library, found = design.netlist, design.library, Collector()
    _wires(netlist, found)
    carries = arrival_stages(design)
    for cell in range(netlist.n_cells):
        kind = library[netlist.type_of(cell).name]
        if kind.clocked:
            _check_cell(design, cell, carries, found)
    for port in netlist.outputs:
        for net in port.nets.tolist():
            what, stage = carries.get(net, ("data", design.depth))
            late = design.depth + 1 - stage
            if net > 1 and (what != "data" or not 1 <= late <= design.phases):
                text = f"output must leave in the {design.phases} stages before {design.depth + 1}, not {what} {stage}"
                found.error("NC803", text, where=Where(node=port.name))
    found.raise_if_any()


def check_wires(netlist: Netlist) -> None:
    """Raise every wire that is not consumed exactly once (NC803); an input bit may be read by nobody."""
    found = Collector()
    _wires(netlist, found)
    found.raise_if_any()


def _wires(netlist: Netlist, found: Collector) -> None:
    driven = np.zeros(netlist.n_nets, bool)
    driven[netlist.pins[~netlist.input_pin]] = True
    ports = np.concatenate([port.nets for port in netlist.inputs])
    for net in np.flatnonzero(driven & (netlist.fanout != 1)).tolist() + ports[netlist.fanout[ports] > 1].tolist():
        where = Where(tensor=netlist.net_name(net))
        found.error("NC803", f"wire must be consumed exactly once, not {netlist.fanout[net]} times", where=where)


def _check_cell(design: Balanced, cell: int, carries: dict[int, tuple[str, int]], found: Collector) -> None:
    netlist = design.netlist
    kind, stage = design.library[netlist.type_of(cell).name], int(design.stage[cell])
    where = Where(node=f"{netlist.cell_name(cell)} ({kind.name})")
    for pin, net in zip(kind.data.inputs, netlist.inputs_of(cell).tolist()):
        what, value = carries.get(net, ("constant", net))
        if pin == kind.data.clock:
            if (what, value) != ("clock", stage % design.phases):
                text = f"clock pin must carry phase {stage % design.phases}, not {what} {value}"
                found.error("NC803", text, where=where)
        elif what != "data" or not 1 <= stage - value <= design.phases:
            text = f"input '{pin}' at stage {stage} must come from 1 to {design.phases} before, not {what} {value}"
            found.error("NC803", text, where=where)


def strip(design: Balanced) -> Netlist:
    """The logic alone: buffers, splitters, wires and clocks dissolved; ports as in the source."""
    netlist, library = design.netlist, design.library
    make = NetlistBuilder(netlist.name, {cell.name: cell.gate_type for cell in library.logic})
    gates = {cell.name for cell in library.logic}
    of: dict[int, int] = {0: 0, 1: 1}
    for port in netlist.inputs:
        if port.name not in clock_ports(design.phases):
            of.update(zip(port.nets.tolist(), make.input(port.name, port.width)))
    for cell in np.argsort(netlist.levels, kind="stable").tolist():
        kind = library[netlist.type_of(cell).name]
        inputs = zip(kind.data.inputs, netlist.inputs_of(cell).tolist())
        data = [of[net] for pin, net in inputs if pin != kind.data.clock and net in of]
        outputs = netlist.outputs_of(cell).tolist()
        if kind.name in gates:
            of.update(zip(outputs, make.cell(kind.name, data)))
        elif data:  # a clock splitter has no data
            of.update(dict.fromkeys(outputs, data[0]))
    for port in netlist.outputs:
        make.output(port.name, [of[net] for net in port.nets.tolist()])
    return make.build()
