"""A word design as files: the hierarchy of layers in one, its shared cells in another, mapped cells per technology."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from amaranth.hdl import Elaboratable

from nc.hdl.verilog import HEADER, rtlil_to_verilog, to_rtlil
from nc.hdl.word_adders import Adder, XilinxAdder
from nc.hdl.word_expressions import Cell
from nc.hdl.word_heaps import HeapAdder
from nc.hdl.word_verilog import cells_verilog, core_verilog
from nc.hdl.words import WordDesign

_TOP = re.compile(r"^attribute \\top 1\n", re.MULTILINE)

MAPPED: Mapping[str, Callable[..., Elaboratable]] = {"xilinx": XilinxAdder, "lut6": HeapAdder}
"""Adder cells made of a technology's primitives: on LUT6_2 and CARRY8, and on LUTs alone."""

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


def lut_primitives() -> str:
    """Verilog declarations of LUT1 .. LUT6, for Yosys' technology-free flow."""
    lines = []
    for name, (inputs, _) in _LUT_PORTS.items():
        size = 1 << len(inputs)
        lines += ["(* blackbox *)", f"module {name} #(parameter [{size - 1}:0] INIT = {size}'h0)",
                  f"  (input {', '.join(inputs)}, output O);", "endmodule"]  # fmt: skip
    return "\n".join(lines) + "\n"


def design_verilog(top: Elaboratable, core: WordDesign, ports: Iterable[object], name: str = "top") -> str:
    """Verilog of `top` (the core itself or a wrapper around it) and of the cells that the core placed."""
    files = design_files(top, core, ports, name)
    return files["top.v"] + files.get("cells.v", "").removeprefix(HEADER)


def design_files(top: Elaboratable, core: WordDesign, ports: Iterable[object], name: str = "top") -> dict[str, str]:
    """Files by path: `top.v`; `cells.v` with the behaviour of shared cells; their mapped stand-ins under `<mapped>/`.

    `top`: the core (made with cells='instances') itself, or a wrapper around it, which is elaborated by Amaranth.
    `xilinx/cells.v` is for tools that know the primitives, `xilinx/cells.il` (with declarations) for Yosys;
    `lut6/primitives.v` declares LUTs for a flow that has none.
    """
    if top is core:
        text, used = core_verilog(core, name)
        wrapper = HEADER + "\n"
    else:
        core.module = f"{name}_core"
        text, used = core_verilog(core, core.module)
        wrapper = rtlil_to_verilog(to_rtlil(top, list(ports), name)) + "\n"
    files = {"top.v": wrapper + text}
    if used:
        files["cells.v"] = behaviour(used)
    if core.adder_cells and used:
        mapped = mapped_rtlil(used, core.mapped)
        files[f"{core.mapped}/cells.v"] = rtlil_to_verilog(mapped)
        if core.mapped == "xilinx":
            files["xilinx/cells.il"] = xilinx_primitives() + mapped + "\n"
        else:
            files[f"{core.mapped}/primitives.v"] = lut_primitives()
    return files


def behaviour(cells: Mapping[str, partial[Cell]]) -> str:
    """Verilog of each cell once, by name."""
    text, popcounts = cells_verilog(cells)
    if not popcounts:
        return f"{HEADER}\n{text}"
    return f"{rtlil_to_verilog(_rtlil(popcounts))}\n{text}"


def mapped_rtlil(cells: Mapping[str, partial[Cell]], mapped: str) -> str:
    """RTLIL of the cells with adders in the primitives of a technology (a key of MAPPED)."""
    return _rtlil({n: partial(MAPPED[mapped], *c.args) if c.func is Adder else c for n, c in cells.items()})


def _rtlil(cells: Mapping[str, partial[Any]]) -> str:
    made = {name: make() for name, make in sorted(cells.items())}
    return "\n".join(_TOP.sub("", to_rtlil(cell, cell.ports, name)) for name, cell in made.items())
