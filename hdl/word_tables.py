"""Look-up tables of the word graph: a case statement, one cell a table."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable, Module, Shape, Signal

from nc.hdl.word_layout import Rows
from nc.ir.words import WordGraph


class TableCell(Elaboratable):
    """`y` = entries[x - low]; values of x beyond the table cannot occur and yield the last entry."""

    def __init__(self, entries: np.ndarray[Any, np.dtype[np.int64]], low: int, bits: int, signed: bool) -> None:
        self.entries = [int(v) for v in entries]
        self.low = low
        self.x = Signal(Shape(bits, signed), name="x")
        self.y = Signal(Shape(*entry_shape(entries)), name="y")

    @property
    def ports(self) -> dict[str, Signal]:
        return {"x": self.x, "y": self.y}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last = self.entries[-1]
        with m.Switch(self.x):
            for i, entry in enumerate(self.entries):
                if entry != last:
                    with m.Case(self.low + i):
                        m.d.comb += self.y.eq(entry)
            with m.Default():
                m.d.comb += self.y.eq(last)
        return m


def table_verilog(name: str, entries: np.ndarray[Any, np.dtype[np.int64]], low: int, bits: int, signed: bool) -> str:
    """The cell of the same arguments, named `name`, in Verilog."""
    values, width = entries.tolist(), entry_shape(entries)[0]
    mask = (1 << width) - 1
    cases = [
        f"      {bits}'d{(low + i) & ((1 << bits) - 1)}: y = {width}'d{entry & mask};"
        for i, entry in enumerate(values)
        if entry != values[-1]
    ]
    return "\n".join([
        f"module {name}(", f"  input wire [{bits - 1}:0] x,", f"  output reg [{width - 1}:0] y", ");", "  always @*",
        "    case (x)", *cases, f"      default: y = {width}'d{values[-1] & mask};", "    endcase", "endmodule\n",
    ])  # fmt: skip


def entry_shape(entries: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[int, bool]:
    """(bits, signed) that hold every entry."""
    least, most = int(entries.min()), int(entries.max())
    negative = least < 0
    return max(most.bit_length() + negative, (~least).bit_length() + 1 if negative else 1), negative


def table_cell(graph: WordGraph, rows: Rows, node: int, src: int) -> tuple[str, partial[TableCell]]:
    """The cell of a TABLE node that reads `src`: its name, and how to make it; entries out of reach are left away."""
    low, high, base, number = rows.lo[src], rows.hi[src], rows.p1[node], rows.p0[node]
    entries = graph.tables[number]
    span = entries[low - base : high - base + 1]
    name = f"table{number}_{'s' if rows.signed[src] else 'u'}{rows.bits[src]}"
    if len(span) != len(entries):
        name = f"{name}_{low - base}_{len(span)}"
    return name, partial(TableCell, span, low, rows.bits[src], rows.signed[src])
