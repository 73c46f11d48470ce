"""A word design as files: the hierarchy of layers in one, its shared cells in another, mapped cells per technology."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial

from amaranth.hdl import Elaboratable

from nc.hdl.verilog import rtlil_to_verilog, to_rtlil
from nc.hdl.word_adders import Adder, XilinxAdder
from nc.hdl.words import Cell, WordDesign

_TOP = re.compile(r"^attribute \\top 1\n", re.MULTILINE)

_LUT_PORTS = {f"LUT{n}": ([f"I{i}" for i in range(n)], ["O"]) for n in range(1, 7)}
_PRIMITIVES = {
    **_LUT_PORTS,
    "LUT6_2": ([f"I{i}" for i in range(6)], ["O5", "O6"]),
    "CARRY8": (["CI", "CI_TOP", "DI:8", "S:8"], ["CO:8", "O:8"]),
}


def xilinx_primitives() -> str:
    """RTLIL declarations of what the mapped cells are made of, for a reader without AMD's library."""
    lines = []
    for name, (inputs, outputs) in _PRIMITIVES.items():
        lines += [
            "attribute \\blackbox 1",
            f"module \\{name}",
            f"  parameter \\{'CARRY_TYPE' if 'C' in name else 'INIT'}",
        ]
        for number, port in enumerate([*inputs, *outputs], start=1):
            wire, _, width = port.partition(":")
            size = f"width {width} " if width else ""
            lines.append(f"  wire {size}{'output' if port in outputs else 'input'} {number} \\{wire}")
        lines.append("end")
    return "\n".join(lines) + "\n"


def design_verilog(top: Elaboratable, core: WordDesign, ports: Iterable[object], name: str = "top") -> str:
    """Verilog of `top` (the core itself or a wrapper around it) and of the cells that the core placed."""
    hierarchy = to_rtlil(top, list(ports), name)
    return rtlil_to_verilog(hierarchy + "\n" + cells_rtlil(core.used))


def design_files(top: Elaboratable, core: WordDesign, ports: Iterable[object], name: str = "top") -> dict[str, str]:
    """Files by path: `top.v`; `cells.v` with the behaviour of shared cells; their stand-ins for AMD under `xilinx/`.

    `xilinx/cells.v` is for tools that know the primitives, `xilinx/cells.il` (with declarations) for Yosys.
    """
    files = {"top.v": rtlil_to_verilog(to_rtlil(top, list(ports), name))}
    if core.used:
        files["cells.v"] = rtlil_to_verilog(cells_rtlil(core.used))
    if core.adder_cells and core.used:
        mapped = cells_rtlil(core.used, xilinx=True)
        files["xilinx/cells.v"] = rtlil_to_verilog(mapped)
        files["xilinx/cells.il"] = xilinx_primitives() + mapped + "\n"
    return files


def cells_rtlil(cells: Mapping[str, partial[Cell]], *, xilinx: bool = False) -> str:
    """Each cell once, by name; `xilinx`: adders in LUT6_2 and CARRY8."""
    parts = []
    for name, make in sorted(cells.items()):
        cell = XilinxAdder(*make.args) if xilinx and make.func is Adder else make()
        parts.append(_TOP.sub("", to_rtlil(cell, cell.ports, name)))
    return "\n".join(parts)
