"""Reading a mapped netlist (Yosys JSON): how many physical resources it takes, and how deep its logic is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nc.ir.diagnostics import InternalError, fail

# Physical LUT sites a cell takes. A LUT6_2 is one site with two outputs; SRLs and distributed RAM sit in LUT sites; a
# CCU2C takes the two LUTs of its slice; an inverter that is left over takes a LUT of its own.
LUT_SITES: Mapping[str, int] = {
    "$lut": 1, "SB_LUT4": 1, "LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4,
    "LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT5": 1, "LUT6": 1, "LUT6_2": 1, "INV": 1,
    "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "CFGLUT5": 1,
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4,
    "RAM256X1D": 8, "RAM512X1S": 8, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8,
}  # fmt: skip
CARRIES = {"SB_CARRY", "CCU2C", "CARRY4", "CARRY8"}
BRAMS: Mapping[str, float] = {
    "DP16KD": 1, "PDPW16KD": 1, "RAMB36E1": 1, "RAMB36E2": 1, "RAMB18E1": 0.5, "RAMB18E2": 0.5, "URAM288": 1,
    "SB_SPRAM256KA": 1,
}  # fmt: skip
DSPS = {"SB_MAC16", "MULT18X18D", "ALU54B", "DSP48E1", "DSP48E2"}
FF_PREFIXES = ("SB_DFF", "TRELLIS_FF", "$_DFF", "$_SDFF", "$_DFFE", "$_SDFFE", "$_SDFFCE", "$_ALDFF", "$_DFFSR", "$dff")
FFS = {"FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1"}
# Cells that add no LUT level, and outputs by which a cell passes a carry on.
FREE = CARRIES - {"CCU2C"} | {"MUXF7", "MUXF8", "MUXF9", "PFUMX", "L6MUX21", "INV"}
CARRY_OUTPUTS = {"COUT", "CO"}
IO_CELLS = {"IBUF", "OBUF", "BUFG", "SB_IO", "SB_GB", "SB_GB_IO", "TRELLIS_IO", "DCCA", "BUFGCTRL", "GND", "VCC",
            "VHI", "VLO", "$scopeinfo"}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """What a netlist takes. `brams` counts 36 kbit blocks of AMD devices, so a half is an 18 kbit block."""

    luts: int
    ffs: int
    carries: int
    brams: float
    dsps: int
    cells: int
    depth: int | None
    pins: int
    cell_types: Mapping[str, int]


def load(path: Path, top: str) -> Mapping[str, Any]:
    """The one module of a flattened netlist."""
    modules = json.loads(path.read_text())["modules"]
    if top not in modules:
        raise InternalError(f"the netlist has no module '{top}'")
    module: Mapping[str, Any] = modules[top]
    return module


def figures(module: Mapping[str, Any]) -> Figures:
    """Count resources and LUT levels. Raises NcError (NC521) for a cell that no device has (a module unresolved)."""
    types = Counter(cell["type"] for cell in module["cells"].values())
    _refuse_unknown(types)
    types = Counter({kind: count for kind, count in types.items() if kind != "$scopeinfo"})
    brams = sum(count * bram(kind) for kind, count in types.items())
    return Figures(
        luts=sum(count * LUT_SITES.get(kind, 0) for kind, count in types.items()),
        ffs=sum(count for kind, count in types.items() if is_ff(kind)),
        carries=sum(count for kind, count in types.items() if kind in CARRIES),
        brams=int(brams) if brams == int(brams) else brams,
        dsps=sum(count for kind, count in types.items() if kind in DSPS),
        cells=sum(types.values()),
        depth=depth(module),
        pins=sum(len(port["bits"]) for port in module["ports"].values()),
        cell_types=dict(sorted(types.items())),
    )


def is_ff(kind: str) -> bool:
    return kind in FFS or kind.startswith(FF_PREFIXES)


def bram(kind: str) -> float:
    """Block RAMs that a cell is."""
    return BRAMS.get(kind, 1 if kind.startswith("SB_RAM40_4K") else 0)


def _is_boundary(kind: str) -> bool:
    """Cells at which a combinational path ends and another begins."""
    return is_ff(kind) or kind in DSPS or bram(kind) > 0


def _refuse_unknown(types: Iterable[str]) -> None:
    unknown = [
        kind
        for kind in types
        if kind not in LUT_SITES and kind not in FREE and kind not in IO_CELLS and not _is_boundary(kind)
    ]
    if unknown:
        fail(
            "NC521",
            f"every cell of the netlist must be one of the device's, and {', '.join(sorted(unknown))} is not",
            help="a module without a body, or a memory that could not be mapped, is left in the design",
        )


def depth(module: Mapping[str, Any], weight: Mapping[str, int] | None = None) -> int | None:
    """LUT levels on the longest path between ports and registers; None when there is a combinational loop.

    Carry and wide-multiplexer cells add none: a ripple-carry adder is one level. `weight` overrides the levels of a
    cell type (a standard-cell netlist counts every gate as one).
    """
    cells = [half for cell in module["cells"].values() for half in _halves(cell)]
    inputs: list[list[int]] = []
    outputs: list[list[tuple[int, bool]]] = []  # (bit, is a carry)
    levels: list[int] = []
    for cell in cells:
        kind = cell["type"]
        boundary = _is_boundary(kind) if weight is None else weight.get(kind, 1) < 0
        ins, outs = [], []
        for port, bits in cell["connections"].items():
            whole = [bit for bit in bits if isinstance(bit, int)]
            if cell["port_directions"][port] == "output":
                outs += [(bit, port in CARRY_OUTPUTS) for bit in whole]
            elif not boundary:
                ins += whole
        inputs.append(ins)
        outputs.append([] if boundary else outs)
        levels.append((0 if kind in FREE else 1) if weight is None else max(weight.get(kind, 1), 0))
    driver = {bit: i for i, outs in enumerate(outputs) for bit, _ in outs}
    waiting = [0] * len(cells)
    readers: list[list[int]] = [[] for _ in cells]
    for i, ins in enumerate(inputs):
        for source in {driver[bit] for bit in ins if bit in driver}:
            readers[source].append(i)
            waiting[i] += 1
    ready = [i for i, count in enumerate(waiting) if count == 0]
    at: dict[int, int] = {}
    seen = 0
    while ready:
        i = ready.pop()
        seen += 1
        arrived = max((at.get(bit, 0) for bit in inputs[i]), default=0)
        for bit, carry in outputs[i]:
            at[bit] = arrived if carry else arrived + levels[i]
        for reader in readers[i]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    return max(at.values(), default=0) if seen == len(cells) else None


def _halves(cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A LUT6_2 as its two LUTs, each with the pins that its table depends on: the carry-save bit of a ternary adder
    does not depend on the one below, though both sites are wired to each other."""
    if cell["type"] != "LUT6_2":
        return [cell]
    table = int(str(cell["parameters"]["INIT"]), 2)
    lower, upper = table & 0xFFFFFFFF, table >> 32
    joined = cell["connections"]
    selected = joined["I5"] == ["1"]
    six = _pins(upper, 5) if selected else [f"I{i}" for i in range(6)]
    halves = (("O5", _pins(lower, 5)), ("O6", six))
    return [
        {**cell, "connections": {pin: joined[pin] for pin in (*pins, out) if pin in joined}} for out, pins in halves
    ]


def _pins(table: int, inputs: int) -> list[str]:
    """The inputs that a truth table depends on."""
    rows = range(1 << inputs)
    return [f"I{i}" for i in range(inputs) if any((table >> r ^ table >> (r ^ (1 << i))) & 1 for r in rows)]
