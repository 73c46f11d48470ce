"""Equivalence of two sequential netlists with the same register names: next states and outputs, by SAT sweeping."""

from __future__ import annotations

import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from nc.ir.diagnostics import InternalError, ToolMissing, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import CellType
from nc.ir.netlist_export import to_blif


def transition(netlist: Netlist) -> Netlist:
    """The combinational part: registers' outputs become the input port `state`, their next states the output `next`.

    Registers come in the order of their names' numbers (`reg12`).
    """
    registers = sorted(
        (c for c in range(netlist.n_cells) if netlist.is_sequential[c]), key=lambda c: _number(netlist, c)
    )
    types = {kind.name: kind for kind in netlist.types if not kind.sequential}
    for kind in netlist.types:
        if kind.sequential:
            pins = tuple(p for p in kind.inputs if p != kind.clock)
            types[kind.name] = CellType(kind.name, pins, ("next",), kind.functions)
    make = NetlistBuilder(netlist.name, types)
    new: dict[int, int] = {0: 0, 1: 1}
    for port in netlist.inputs:
        for old, net in zip(port.nets.tolist(), make.input(port.name, port.width), strict=True):
            new[old] = net
    states = make.input("state", len(registers)) if registers else []
    for cell, net in zip(registers, states, strict=True):
        new[int(netlist.outputs_of(cell)[0])] = net
    logic = [c for c in range(netlist.n_cells) if not netlist.is_sequential[c]]
    for cell in logic:
        for net in netlist.outputs_of(cell).tolist():
            new[net] = make.nets(1)[0]
    for cell in logic:
        nets = [new[n] for n in netlist.inputs_of(cell).tolist()]
        make.cell(netlist.type_of(cell).name, nets, [new[n] for n in netlist.outputs_of(cell).tolist()])
    after = []
    for cell in registers:
        kind = netlist.type_of(cell)
        nets = [new[n] for p, n in zip(kind.inputs, netlist.inputs_of(cell).tolist(), strict=True) if p != kind.clock]
        after += make.cell(kind.name, nets)
    if registers:
        make.output("next", after)
    for port in netlist.outputs:
        make.output(port.name, [new[n] for n in port.nets.tolist()])
    return make.build()


def _number(netlist: Netlist, cell: int) -> int:
    return int(netlist.cell_name(cell).removeprefix("reg"))


def initial_states(netlist: Netlist) -> dict[str, int]:
    return {netlist.cell_name(c): int(netlist.init[c]) for c in range(netlist.n_cells) if netlist.is_sequential[c]}


def equivalent(first: Netlist, second: Netlist, seconds: float = 600.0) -> bool:
    """Whether next states and outputs are the same functions (ABC's `cec`, a proof). Registers pair by name."""
    spec = find_spec("pyosys")
    if spec is None or spec.origin is None:
        fail("NC500", "the proof needs ABC, which comes with pyosys", help="pip install pyosys", kind=ToolMissing)
    with tempfile.TemporaryDirectory(prefix="nc-cec-") as name:
        folder = Path(name)
        for file, netlist in (("a.blif", first), ("b.blif", second)):
            (folder / file).write_text(to_blif(transition(netlist)))
        done = subprocess.run(
            [str(Path(spec.origin).parent / "yosys-abc"), "-q", "cec -n a.blif b.blif"],
            cwd=folder, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    if "Networks are equivalent" in done.stdout:
        return True
    if not any(word in done.stdout for word in ("NOT EQUIVALENT", "Verification failed")):
        raise InternalError(f"ABC's cec gave no verdict: {done.stdout[-300:]}")
    return False
