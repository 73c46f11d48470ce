"""Threshold-network synthesis: a whole combinational block as threshold gates, by cut mapping.

Every AND node is a threshold gate already; a cut whose function is a threshold function merges many of them into one.
Each net takes the cut of least area flow (gates shared by several readers count in parts), in two rounds: the second
one knows from the first how many readers each net really has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.backends.threshold.ftl.cells import PINS, cell_name, function_text
from nc.backends.threshold.ftl.cuts import Cones, Cut
from nc.backends.threshold.ftl.identify import Threshold, identify
from nc.ir.diagnostics import InternalError, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import CellType

ROUNDS = 3


@dataclass(frozen=True)
class ThresholdNetwork:
    """`netlist` of gates TG_w..._t (and ports); `depth` in gates; `weight`: the sum of all weights' magnitudes."""

    netlist: Netlist
    depth: int
    weight: int

    @property
    def gates(self) -> int:
        return self.netlist.n_cells


def gate_type(gate: Threshold) -> CellType:
    """A combinational threshold gate; the same tuning as the FTL cell without its flip-flop."""
    name = cell_name(gate).replace("FTL", "TG", 1)
    return CellType(name, tuple(PINS[: len(gate.weights)]), ("Y",), (function_text(gate),))


def threshold_network(netlist: Netlist, max_inputs: int = 5) -> ThresholdNetwork:
    """Cover a combinational netlist of small gates with threshold gates of at most `max_inputs` inputs.

    Raises NcError NC721 for a netlist with registers.
    """
    if netlist.is_sequential.any():
        fail("NC721", "a threshold network must be made from a block without registers",
             help="--cells ftl embeds cells at registers")  # fmt: skip
    cones = Cones(netlist)
    order = sorted(cones.inputs, key=lambda net: (cones.level[net], net))
    choices = {net: _choices(cones, net, max_inputs) for net in order}
    readers = {net: float(max(1, netlist.fanout[net])) for net in order}
    roots = [net for port in netlist.outputs for net in port.nets.tolist()]
    chosen: dict[int, tuple[Cut, Threshold]] = {}
    for _ in range(ROUNDS):
        flow: dict[int, float] = {}
        depth: dict[int, int] = {}
        for net in order:
            rated = []
            for cut, gate in choices[net]:
                cost = 1 + sum(flow.get(leaf, 0.0) for leaf in cut.leaves)
                level = 1 + max((depth.get(leaf, 0) for leaf in cut.leaves), default=0)
                rated.append((cost / readers[net], level, gate.size, cut, gate))
            best = min(rated, key=lambda r: (r[0], r[1], r[2], r[3].leaves))
            flow[net], depth[net], chosen[net] = best[0], best[1], (best[3], best[4])
        used = _cover(roots, chosen)
        readers = {net: max(1.0, (readers[net] + 2.0 * used.get(net, 0)) / 3.0) for net in order}
    return _build(netlist, roots, chosen, order)


def _choices(cones: Cones, net: int, size: int) -> list[tuple[Cut, Threshold]]:
    found = []
    for cut in cones.cuts(net, size):
        if cut.leaves == (net,):
            continue
        gate = identify(cut.table, len(cut.leaves))
        if gate is not None:
            found.append((cut, gate))
    if not found:
        raise InternalError(f"net {net} has no threshold cut: its gate is not a threshold function")
    return found


def _cover(roots: list[int], chosen: dict[int, tuple[Cut, Threshold]]) -> dict[int, int]:
    """How many chosen gates (or outputs) read each net of the cover."""
    used: dict[int, int] = {}
    stack = list(roots)
    while stack:
        net = stack.pop()
        used[net] = used.get(net, 0) + 1
        if used[net] == 1 and net in chosen:
            stack += chosen[net][0].leaves
    return used


def _build(
    netlist: Netlist, roots: list[int], chosen: dict[int, tuple[Cut, Threshold]], order: list[int]
) -> ThresholdNetwork:
    used = _cover(roots, chosen)
    live = [net for net in order if net in used]
    types = {kind.name: kind for net in live for kind in (gate_type(chosen[net][1]),)}
    make = NetlistBuilder(netlist.name, types)
    new: dict[int, int] = {0: 0, 1: 1}
    for port in netlist.inputs:
        for old, net in zip(port.nets.tolist(), make.input(port.name, port.width), strict=True):
            new[old] = net
    weight = 0
    for net in live:
        cut, gate = chosen[net]
        (new[net],) = make.cell(gate_type(gate).name, [new[leaf] for leaf in cut.leaves])
        weight += gate.size
    for port in netlist.outputs:
        make.output(port.name, [new[n] for n in port.nets.tolist()])
    made = make.build()
    return ThresholdNetwork(made, int(np.max(made.levels, initial=-1)) + 1, weight)
