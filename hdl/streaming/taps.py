"""taps: a memory of the last rows, read and written back a column a clock, and a window of registers."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib.memory import Memory

from nc.hdl.streaming.pipe import Component, Loops, Pipe, fit, lanes
from nc.ir.dataflow.taps import Taps as Actor


class Taps(Component[Actor]):
    """The hardware of `nc.ir.dataflow.Taps`.

    pixel or fill -> column with the rows above it (memory) -> window
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor, out = self.actor, self.outs[0]
        (rows, columns), (kh, kw) = actor.area, actor.kernel
        pipe = Pipe(m, self.o0, actor.delay)
        go = Signal(name="go")
        loops = Loops(m, (rows, columns), go, "place")
        row, column = loops.index
        top, left, _, _ = actor.pads
        inside = _between(row, top, actor.height, rows) & _between(column, left, actor.width, columns)
        fetch = inside
        if actor.ahead:
            final = (row == top + actor.height - 1) & (column == left + actor.width - 1)
            fetch = loops.first(0, "sample_first") | (inside & ~final)
        m.d.comb += [go.eq(pipe.enable & (~fetch | self.i0.valid)), self.i0.ready.eq(pipe.enable & fetch)]
        pipe.advance(go & self._among(m, row, actor.ends[0], "row") & self._among(m, column, actor.ends[1], "column"))

        values = lanes(self.i0.payload, self.inputs[0].kind, self.inputs[0].lanes)
        given: Value = Cat(*(fit(value, out.kind.bits) for value in values))
        if actor.ahead:
            held = Signal(len(given), name="held", reset_less=True)
            with m.If(go & fetch):
                m.d.sync += held.eq(given)
            given = held
        fill = Const(actor.fill & ((1 << out.kind.bits) - 1), out.kind.bits)
        pixel = pipe.follow(Mux(inside, given, Cat(*([fill] * len(values)))), 1, "pixel")
        active = pipe.follow(go, 1, "active")
        strip: Value = pixel
        if kh > 1:
            memory = Memory(shape=unsigned((kh - 1) * len(pixel)), depth=columns, init=[])
            m.submodules.rows = memory
            write, read = memory.write_port(), memory.read_port()
            strip = Cat(read.data, pixel)
            m.d.comb += [
                read.addr.eq(column), read.en.eq(pipe.enable), write.addr.eq(pipe.follow(column, 1, "written")),
                write.data.eq(strip[len(pixel) :]), write.en.eq(pipe.enable & active),
            ]  # fmt: skip
        window = Signal(kw * len(strip), name="window", reset_less=True)
        with m.If(pipe.enable & active):
            m.d.sync += window.eq(Cat(window, strip)[len(strip) :])
        m.d.comb += self.o0.payload.eq(window)
        return m

    def _among(self, m: Module, index: Value, places: tuple[int, ...], name: str) -> Value:
        """Whether the index is one of some places, most often all from one on."""
        if places == tuple(range(places[0], places[-1] + 1)) and places[-1] + 1 >= self.actor.area[name == "column"]:
            return index >= places[0]
        found = Signal(name=f"{name}_ends")
        with m.Switch(index), m.Case(*places):
            m.d.comb += found.eq(1)
        return found


def _between(index: Value, start: int, count: int, size: int) -> Value:
    if count == size:
        return Const(1, 1)
    return (index >= start) & (index < start + count)
