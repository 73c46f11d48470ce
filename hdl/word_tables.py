"""Look-up tables of the word graph: a case statement, one cell a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable, Module, Shape, Signal


class TableCell(Elaboratable):
    """`y` = entries[x - low]; values of x beyond the table cannot occur and yield the last entry."""

    def __init__(self, entries: np.ndarray[Any, np.dtype[np.int64]], low: int, bits: int, signed: bool) -> None:
        self.entries = [int(v) for v in entries]
        self.low = low
        least, most = min(self.entries), max(self.entries)
        width = max(most.bit_length() + (least < 0), (-least - 1).bit_length() + 1 if least < 0 else 1, 1)
        self.x = Signal(Shape(bits, signed), name="x")
        self.y = Signal(Shape(width, least < 0), name="y")

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
