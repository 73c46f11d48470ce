"""What each part of a streaming design takes: as estimated, and as found in its netlist."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from nc.backends.synth.netlist import DSPS, LUT_SITES, is_ff
from nc.backends.synth.netlist import bram as brams_of
from nc.compiler.streaming.blocks import Family
from nc.compiler.streaming.cost import COSTS, Cost, fifo
from nc.hdl.streaming.network import module_names
from nc.ir.dataflow import Dataflow


def estimated(flow: Dataflow, family: Family) -> dict[str, Cost]:
    """By instance name in the hardware: each actor with the FIFOs in front of it."""
    found = {}
    for node, name in zip(flow.nodes, module_names([node.name for node in flow.nodes])):
        inputs = flow.inputs(node)
        total = COSTS[type(node.actor)](node.actor, inputs, family)
        for stream, depth in zip(inputs, node.depths):
            total += fifo(stream.width, depth, family)
        found[name] = total
    return found


def found(module: Mapping[str, Any], names: list[str]) -> dict[str, Cost]:
    """The cells of a flattened netlist by the instance that their names begin with; what is left over under ''."""
    total: dict[str, Cost] = defaultdict(Cost)
    known = {name: name for name in names} | {f"{name}_fifo{k}": name for name in names for k in range(4)}
    for cell, what in module["cells"].items():
        kind = what["type"]
        total[known.get(cell.split(".", 1)[0], "")] += Cost(
            LUT_SITES.get(kind, 0), int(is_ff(kind)), int(brams_of(kind)), int(kind in DSPS)
        )
    return dict(total)
