"""Full adders as single T1 cells: a mapped netlist that was cut at them is put together again."""

from __future__ import annotations

import numpy as np

from nc.backends.sfq.aig import BOX_IN, BOX_OUT
from nc.backends.sfq.library import Library
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder


def reassemble(cut: Netlist, library: Library) -> Netlist | None:
    """The netlist with an adder cell for every box; None when mapping found an adder's input constant.

    Box i reads bits 3 i .. 3 i + 2 of the output port BOX_IN and drives bits 2 i, 2 i + 1 of the input port BOX_OUT.
    """
    adder = library.role("adder").name
    make = NetlistBuilder(cut.name, {cell.name: cell.gate_type for cell in library.logic})
    of = np.zeros(cut.n_nets, np.int64)
    of[1] = 1
    for port in cut.inputs:
        of[port.nets] = make.nets(port.width) if port.name == BOX_OUT else make.input(port.name, port.width)
    driven = cut.pins[~cut.input_pin]
    of[driven] = make.nets(len(driven))
    for cell in range(cut.n_cells):
        kind = cut.type_of(cell).name
        make.cell(kind, of[cut.inputs_of(cell)].tolist(), of[cut.outputs_of(cell)].tolist())
    read = of[cut.port(BOX_IN).nets].reshape(-1, 3)
    if (read < 2).any():
        return None
    for inputs, outputs in zip(read.tolist(), of[cut.port(BOX_OUT).nets].reshape(-1, 2).tolist()):
        make.cell(adder, inputs, outputs)
    for port in cut.outputs:
        if port.name != BOX_IN:
            make.output(port.name, of[port.nets].tolist())
    return make.build()
