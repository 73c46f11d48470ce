"""A word design as RTLIL or Verilog text: the hierarchy of layers, then each shared cell once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial

from amaranth.hdl import Elaboratable

from nc.hdl.verilog import rtlil_to_verilog, to_rtlil
from nc.hdl.word_adders import Adder, XilinxAdder
from nc.hdl.words import Cell, WordDesign

_TOP = re.compile(r"^attribute \\top 1\n", re.MULTILINE)


def design_rtlil(top: Elaboratable, core: WordDesign, ports: Iterable[object], name: str = "top") -> str:
    """RTLIL of `top` (the core itself or a wrapper around it) and of the cells that the core placed."""
    text = to_rtlil(top, list(ports), name)
    return text + "\n" + cells_rtlil(core.used)


def design_verilog(top: Elaboratable, core: WordDesign, ports: Iterable[object], name: str = "top") -> str:
    return rtlil_to_verilog(design_rtlil(top, core, ports, name))


def cells_rtlil(cells: Mapping[str, partial[Cell]]) -> str:
    parts = []
    for name in sorted(cells):
        cell = cells[name]()
        parts.append(_TOP.sub("", to_rtlil(cell, cell.ports, name)))
    return "\n".join(parts)


def xilinx_cells(core: WordDesign) -> str:
    """Verilog of the core's adder cells in LUT6_2 and CARRY8: read it with `-overwrite` after the design."""
    parts = []
    for name, make in sorted(core.used.items()):
        if make.func is Adder:
            mapped = XilinxAdder(*make.args)
            parts.append(_TOP.sub("", to_rtlil(mapped, mapped.ports, name)))
    return rtlil_to_verilog("\n".join(parts)) if parts else ""
