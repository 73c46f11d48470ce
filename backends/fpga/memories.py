"""Says in the Verilog of a design which memories are block RAMs, so that synthesis takes as many as were counted."""

from __future__ import annotations

import re

from nc.compiler.streaming.blocks import Family, in_blocks

_MODULE = re.compile(r"^module .*?^endmodule", re.MULTILINE | re.DOTALL)
_MEMORY = re.compile(r"^(\s*)reg (?:\[(\d+):0\] )?(\w+) \[(\d+):0\];", re.MULTILINE)


def with_styles(verilog: str, family: Family) -> str:
    """Every memory with `ram_style` (or `rom_style`) block, or logic where it is read only or LUTs are no memories."""
    return _MODULE.sub(lambda module: _styled(module[0], family), verilog)


def _styled(module: str, family: Family) -> str:
    def attribute(found: re.Match[str]) -> str:
        indent, width, name, last = found[1], int(found[2] or 0) + 1, found[3], int(found[4])
        rom = not re.search(rf"\b{name}\[[^\]]*\](?:\[[^\]]*\])? <=", module)
        if in_blocks(width, last + 1, family, rom=rom):
            style = "block"
        else:
            style = "distributed" if family.lut_ram and not rom else "logic"
        kind = "rom" if rom else "ram"
        return f'{indent}(* {kind}_style = "{style}" *)\n{found[0].lstrip(chr(10))}'

    return _MEMORY.sub(attribute, module)
