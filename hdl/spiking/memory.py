"""Read-only tables of integers: uniform columns become constants, the others share one ROM word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.hdl import Const, Module, Shape, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In

IntArray = np.ndarray[Any, np.dtype[np.int64]]


def shape_of(values: IntArray, *, least: int = 1) -> Shape:
    """The narrowest shape that holds every value."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < 0:
        return signed(max(least, high.bit_length() + 1, (-low - 1).bit_length() + 1))
    return unsigned(max(least, high.bit_length()))


class Table(Component):
    """`columns` of equal length, read at `address`: attribute `row[name]` holds the value one cycle later."""

    def __init__(self, columns: Mapping[str, IntArray]):
        self._columns = {name: np.asarray(c, np.int64) for name, c in columns.items()}
        self._depth = max((len(c) for c in self._columns.values()), default=0)
        bits = max(1, (self._depth - 1).bit_length())
        super().__init__({"address": In(bits), "enable": In(1, init=1)})
        self._stored = {n: c for n, c in self._columns.items() if c.size and (c != c[0]).any()}
        self._layout = data.StructLayout({n: shape_of(c) for n, c in self._stored.items()})
        self._constants: dict[str, Value] = {
            n: Const(int(c[0]) if c.size else 0, shape_of(c)) for n, c in self._columns.items() if n not in self._stored
        }
        self._memory = None
        if self._stored:
            rows = [{n: int(c[i]) for n, c in self._stored.items()} for i in range(self._depth)]
            self._memory = Memory(shape=self._layout, depth=self._depth, init=rows)
            self._port = self._memory.read_port()

    @property
    def row(self) -> dict[str, Any]:
        if self._memory is None:
            return dict(self._constants)
        return {**self._constants, **{n: self._port.data[n] for n in self._stored}}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._memory is not None:
            m.submodules.memory = self._memory
            m.d.comb += [self._port.addr.eq(self.address), self._port.en.eq(self.enable)]
        return m
