"""FIFOs between actors: a few tokens in registers, many in a memory. Ready and valid come from registers."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nc.ir.dataflow.graph import SMALL


class Fifo(wiring.Component):
    """Holds `depth` tokens of `width` bits; a memory has room for one more in its output register.

    A token can be taken one clock after it was given, two clocks from a memory.
    """

    def __init__(self, width: int, depth: int) -> None:
        self.width, self.depth = width, depth
        super().__init__({"i": In(stream.Signature(unsigned(width))), "o": Out(stream.Signature(unsigned(width)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        (_registers if self.depth <= SMALL else _memory)(m, self)
        return m


def _registers(m: Module, fifo: Fifo) -> None:
    level = Signal(range(fifo.depth + 1), name="level")
    cells = [Signal(fifo.width, name=f"cell{k}", reset_less=True) for k in range(fifo.depth)]
    push, pop = fifo.i.valid & fifo.i.ready, fifo.o.valid & fifo.o.ready
    m.d.comb += [fifo.i.ready.eq(level != fifo.depth), fifo.o.valid.eq(level != 0), fifo.o.payload.eq(cells[0])]
    m.d.sync += level.eq(level + push - pop)
    for k, cell in enumerate(cells):
        above = cells[k + 1] if k + 1 < fifo.depth else fifo.i.payload
        # After a pop everything moves down; a new token goes behind the last.
        with m.If(pop & (level != k + 1)):
            m.d.sync += cell.eq(above)
        with m.Elif(Mux(pop, level == k + 1, level == k)):
            m.d.sync += cell.eq(fifo.i.payload)


def _memory(m: Module, fifo: Fifo) -> None:
    memory = Memory(shape=unsigned(fifo.width), depth=fifo.depth, init=[])
    m.submodules.memory = memory
    write, read = memory.write_port(), memory.read_port()
    level = Signal(range(fifo.depth + 1), name="level")
    ready = Signal(name="ready")
    push, pop = fifo.i.valid & fifo.i.ready, fifo.o.valid & fifo.o.ready
    fetch = Signal(name="fetch")
    m.d.comb += [
        fifo.i.ready.eq(level != fifo.depth),
        fifo.o.valid.eq(ready),
        fifo.o.payload.eq(read.data),
        fetch.eq((level != 0) & (~ready | pop)),
        write.data.eq(fifo.i.payload),
        write.en.eq(push),
        read.en.eq(fetch),
    ]
    m.d.sync += level.eq(level + push - fetch)
    with m.If(fetch):
        m.d.sync += [ready.eq(1), read.addr.eq(Mux(read.addr == fifo.depth - 1, 0, read.addr + 1))]
    with m.Elif(pop):
        m.d.sync += ready.eq(0)
    with m.If(push):
        m.d.sync += write.addr.eq(Mux(write.addr == fifo.depth - 1, 0, write.addr + 1))
