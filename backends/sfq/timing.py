"""Static timing of a balanced netlist: when pulses arrive, and the shortest legal clock period."""

from __future__ import annotations

import numpy as np

from nc.backends.sfq.legal import arrival_stages
from nc.backends.sfq.physical import Balanced, clock_ports

LAUNCH = 5.0
"""ps from a clock edge to an input's pulse: the circuit in front is a clocked cell like ours."""


def insertion_delays(design: Balanced) -> tuple[float, ...]:
    """ps from each clock port to its deepest leaf."""
    delay = design.library.role("splitter").data.delay
    return tuple(depth * delay for depth in design.clock_depth)


def arrivals(design: Balanced) -> dict[int, float]:
    """ps of each net's pulse after the clock event of the stage that launched it (clock nets: of the tree itself).

    The roots of the trees are driven so that the deepest leaves of all phases fire on time; other leaves fire earlier.
    """
    netlist, library = design.netlist, design.library
    insertion = insertion_delays(design)
    base = max(insertion, default=0.0)
    root = {name: base - delay for name, delay in zip(clock_ports(design.phases), insertion)}
    found: dict[int, float] = {}
    for port in netlist.inputs:
        found.update(dict.fromkeys(port.nets.tolist(), root.get(port.name, base + LAUNCH)))
    # Two sweeps: clock trees first (they hang on no clocked cell), then data from the clocked cells' outputs.
    order = netlist.levels.argsort(kind="stable").tolist()
    clocked = []
    for cell in order:
        kind, inputs = library[netlist.type_of(cell).name], netlist.inputs_of(cell).tolist()
        if kind.clocked:
            clocked.append(cell)
        elif inputs[0] in found:
            after = found[inputs[0]] + kind.data.delay
            found.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), after))
    for cell in clocked:
        kind, inputs = library[netlist.type_of(cell).name], netlist.inputs_of(cell).tolist()
        clock = found[inputs[kind.data.inputs.index(kind.data.clock)]]
        found.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), clock + kind.data.delay))
    for cell in order:
        kind, inputs = library[netlist.type_of(cell).name], netlist.inputs_of(cell).tolist()
        if not kind.clocked:
            after = found[inputs[0]] + kind.data.delay
            found.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), after))
    return found


def minimum_period(design: Balanced) -> float:
    """ps: the worst of, over all data inputs of clocked cells, (arrival + setup - clock arrival) * phases / stages
    between; outputs count as read at stage depth + 1 by a cell with the earliest clock; and the longest repeat limit.
    """
    netlist, library, k = design.netlist, design.library, design.phases
    at, carries = arrivals(design), arrival_stages(design)
    need = 0.0
    for cell in np.flatnonzero(design.stage >= 0).tolist():
        kind, inputs = library[netlist.type_of(cell).name], netlist.inputs_of(cell).tolist()
        clock = at[inputs[kind.data.inputs.index(kind.data.clock)]]
        for pin, net in zip(kind.data.inputs, inputs):
            if pin != kind.data.clock:
                gap = at[net] + kind.limit(pin, kind.data.clock) - clock
                need = max(need, gap * k / (int(design.stage[cell]) - carries[net][1]))
    earliest = max(insertion_delays(design), default=0.0) - library.role("splitter").data.delay
    for port in netlist.outputs:
        for net in port.nets.tolist():
            if net > 1:
                need = max(need, (at[net] - earliest) * k / (design.depth + 1 - carries[net][1]))
    names = {kind.name for kind in netlist.types}
    repeats = [limit for name in names for (a, b), limit in library[name].limits.items() if a == b]
    return max(need, max(repeats, default=0.0))
