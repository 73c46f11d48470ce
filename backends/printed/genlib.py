"""Writes a technology's gates as genlib, the library format in which ABC maps for area."""

from __future__ import annotations

from collections.abc import Callable

from nc.backends.printed.technology import Cell, Technology


def write_genlib(technology: Technology, vdd: str = "1.0", area: Callable[[Cell], float] | None = None) -> str:
    """The genlib text: area in mm² (or `area(cell)`, e.g. a mix of area and leakage), delay in ms, and the
    constants at no cost (they are wires to a rail)."""
    size = area or (lambda cell: cell.area_mm2)
    rows = ["GATE ZERO 0 Y=CONST0;", "GATE ONE 0 Y=CONST1;"]
    for cell in technology.gates:
        delay = cell.corners[vdd].delay_us / 1e3
        formula = cell.function.replace(" ", "")
        # genlib has no xor operator
        if "^" in formula:
            formula = _sum_of_products(cell)
        pin = f"PIN * UNKNOWN 1 999 {delay:.6f} 0 {delay:.6f} 0"
        rows.append(f"GATE {cell.name} {size(cell):.6f} {cell.output}={formula}; {pin}")
    return "\n".join(rows) + "\n"


def _sum_of_products(cell: Cell) -> str:
    n = len(cell.inputs)
    terms = [
        "*".join(name if row >> i & 1 else f"!{name}" for i, name in enumerate(cell.inputs))
        for row in range(1 << n)
        if cell.table >> row & 1
    ]
    return "+".join(f"({term})" for term in terms)
