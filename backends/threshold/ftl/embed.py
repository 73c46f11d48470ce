"""FTL embedding: flip-flops and the threshold logic in front of them become FTL cells.

The circuit is an AIG with plain D flip-flops. For every flip-flop the k-feasible cuts of its D input are enumerated;
those whose function is a threshold function can be one FTL cell. Chosen is the cut that saves most: the gates that
nobody else uses, the flip-flop, less the FTL cell; flip-flops whose logic frees most come first, since shared gates
die with their last reader. Where timing needs it, levels of logic saved in front of deep registers count as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.backends.threshold.ftl.cells import (
    FLIP_FLOP,
    FtlTechnology,
    base_library,
    ftl_type,
)
from nc.backends.threshold.ftl.cuts import Cones, Cut
from nc.backends.threshold.ftl.identify import Threshold, identify
from nc.backends.threshold.ftl.robust import robustness
from nc.ir.diagnostics import fail
from nc.ir.netlist import Longs, Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES, CellType

GATE_AREA = {"$_AND_": 1.06, "$_NOT_": 0.27}
"""Area of an AIG node before mapping, for choosing only: an AND2, and half an inverter (most are absorbed)."""

DEFAULT_GATE_AREA = 1.06


@dataclass(frozen=True)
class Embedded:
    """`netlist`: logic gates, plain flip-flops (NC_DFF) and FTL cells; `gates`: the tuning of each FTL cell by name."""

    netlist: Netlist
    gates: dict[str, Threshold]
    flip_flops: int


def flip_flop_name(index: int) -> str:
    """Registers keep their names through mapping, which is how the proof pairs them."""
    return f"reg{index}"


def sequential_cells(netlist: Netlist) -> list[int]:
    """Flip-flops in order; NC721 when there are several clocks or other registers than plain D flip-flops."""
    cells = [int(c) for c in np.flatnonzero(netlist.is_sequential)]
    if len(netlist.clock_nets) > 1:
        fail("NC721", f"the circuit must have one clock to be embedded in FTL cells, not {len(netlist.clock_nets)}")
    for cell in cells:
        if netlist.type_of(cell).inputs not in (("D", "C"), ("C", "D"), ("D", "CLK")):
            fail("NC721", f"registers must be plain D flip-flops, not '{netlist.type_of(cell).name}'",
                 help="map enables and resets to logic first (Yosys: dfflegalize -cell $_DFF_P_ 01)")  # fmt: skip
    return cells


def plain(netlist: Netlist) -> Netlist:
    """The same circuit with its flip-flops as NC_DFF cells named in order: the CMOS baseline."""
    return _rebuild(netlist, {}).netlist


def embed(
    netlist: Netlist, tech: FtlTechnology, max_inputs: int = 5, most_failures: float = 1e-5, depth_weight: float = 0.0
) -> Embedded:
    """Replace flip-flops and threshold cones by FTL cells of at most `max_inputs` inputs.

    Cells that may fail more often than `most_failures` at the technology's noise are not used. `depth_weight`: area
    (um2) that a level of logic less in front of the deepest flip-flops is worth, falling with the square of the depth
    for the others.
    """
    cones = Cones(netlist)
    deepest = max(cones.level.values(), default=0) + 1

    def worth(root: int, cut: Cut, gate: Threshold) -> float:
        saved = _saving(cones, root, cut, gate, fanout, tech)
        if not depth_weight:
            return saved
        level = cones.level.get(root, -1) + 1
        after = max(cones.level.get(leaf, -1) + 1 for leaf in cut.leaves)
        return saved + depth_weight * (level - after) * (level / deepest) ** 2

    fanout = netlist.fanout.copy()
    options: list[tuple[float, int, list[tuple[Cut, Threshold]]]] = []
    for cell in sequential_cells(netlist):
        root = _data_net(netlist, cell)
        found = []
        for cut in cones.cuts(root, max_inputs):
            gate = identify(cut.table, len(cut.leaves)) if cut.leaves else None
            if gate is not None and gate.size and _failure(gate, tech) <= most_failures:
                found.append((cut, gate))
        best = max((worth(root, cut, gate) for cut, gate in found), default=0.0)
        options.append((best, cell, found))
    chosen: dict[int, tuple[Cut, Threshold]] = {}
    for _, cell, found in sorted(options, key=lambda o: (-o[0], o[1])):
        root = _data_net(netlist, cell)
        rated = [(worth(root, cut, gate), -gate.size, -i) for i, (cut, gate) in enumerate(found)]
        if not rated or max(rated)[0] <= 0:
            continue
        cut, gate = found[-max(rated)[2]]
        for net in cones.exclusive(root, cut.leaves, fanout):
            for below in cones.inputs[net]:
                fanout[below] -= 1
        fanout[root] -= 1
        for leaf in cut.leaves:
            fanout[leaf] += 1
        chosen[cell] = (cut, gate)
    return _rebuild(netlist, chosen)


def _failure(gate: Threshold, tech: FtlTechnology) -> float:
    canonical = Threshold(tuple(sorted(gate.weights)), gate.threshold)  # one Monte-Carlo run for all orders of inputs
    return robustness(canonical, tech.vt_step_mv, tech.vt_sigma_mv).failure


def _saving(
    cones: Cones,
    root: int,
    cut: Cut,
    gate: Threshold,
    fanout: Longs,
    tech: FtlTechnology,
) -> float:
    dead = cones.exclusive(root, cut.leaves, fanout)
    freed = sum(GATE_AREA.get(cones.netlist.type_of(cones.cell[n]).name, DEFAULT_GATE_AREA) for n in dead)
    return freed + tech.flip_flop.area - tech.ftl_cell(len(cut.leaves)).area


def _data_net(netlist: Netlist, cell: int) -> int:
    kind = netlist.type_of(cell)
    return int(netlist.pins_of(cell)[kind.inputs.index("D")])


def _rebuild(netlist: Netlist, chosen: dict[int, tuple[Cut, Threshold]]) -> Embedded:
    """The netlist with the chosen cells in place and what nobody reads any more left out."""
    types: dict[str, CellType] = {**YOSYS_GATES, **_FLIP_FLOP}
    for _, gate in chosen.values():
        kind = ftl_type(gate)
        types[kind.name] = kind
    sequential = sequential_cells(netlist)
    reads = [net for port in netlist.outputs for net in port.nets.tolist()]
    for cell in sequential:
        reads += list(chosen[cell][0].leaves) if cell in chosen else [_data_net(netlist, cell)]
    live: set[int] = set()
    driver = netlist.driver
    while reads:
        cell = int(driver[reads.pop()])
        if cell >= 0 and cell not in live and not netlist.is_sequential[cell]:
            live.add(cell)
            reads += netlist.inputs_of(cell).tolist()
    make = NetlistBuilder(netlist.name, types)
    new: dict[int, int] = {0: 0, 1: 1}
    for port in netlist.inputs:
        for old, net in zip(port.nets.tolist(), make.input(port.name, port.width), strict=True):
            new[old] = net
    for cell in [*sorted(live), *sequential]:
        for net in netlist.outputs_of(cell).tolist():
            new[net] = make.nets(1)[0]
    for cell in sorted(live):
        pins = [new[n] for n in netlist.inputs_of(cell).tolist()]
        make.cell(netlist.type_of(cell).name, pins, [new[n] for n in netlist.outputs_of(cell).tolist()])
    gates = {}
    for index, cell in enumerate(sequential):
        kind = netlist.type_of(cell)
        clock = new[int(netlist.pins_of(cell)[kind.inputs.index(kind.clock)])]
        outputs = [new[int(netlist.outputs_of(cell)[0])]]
        name, init = flip_flop_name(index), int(netlist.init[cell])
        if cell in chosen:
            cut, gate = chosen[cell]
            make.cell(ftl_type(gate).name, [*(new[n] for n in cut.leaves), clock], outputs, name=name, init=init)
            gates[name] = gate
        else:
            make.cell(FLIP_FLOP, [new[_data_net(netlist, cell)], clock], outputs, name=name, init=init)
    for port in netlist.outputs:
        make.output(port.name, [new[n] for n in port.nets.tolist()])
    return Embedded(make.build(), gates, len(sequential))


_FLIP_FLOP = {FLIP_FLOP: CellType(FLIP_FLOP, ("D", "CLK"), ("Q",), ("D",), clock="CLK")}


__all__ = ["Embedded", "base_library", "embed", "flip_flop_name", "plain", "sequential_cells"]
