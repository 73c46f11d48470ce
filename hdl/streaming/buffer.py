"""buffer: a ring of block RAM, written in order, read by a nest of loops: sliding windows, transposes."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib.memory import Memory

from nc.hdl.streaming.pipe import Component, Loops, Pipe, fit, lanes
from nc.ir.dataflow.buffer import Bound
from nc.ir.dataflow.buffer import Buffer as Actor
from nc.ir.dataflow.streams import Stream


class Buffer(Component[Actor]):
    """The hardware of `nc.ir.dataflow.Buffer`: two counters of chunks, written and free, keep its halves apart."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor, width = self.actor, self.inputs[0].width
        memory = Memory(shape=unsigned(width), depth=actor.depth, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        full = Signal(range(actor.chunks + 1), name="full")
        free = Signal(range(actor.chunks + 1), init=actor.chunks, name="free")

        wrote = Signal(name="wrote")
        fill = Loops(m, (actor.chunk,), wrote, "write")
        opening = fill.first(0, "write_first")
        m.d.comb += [
            self.i0.ready.eq(~opening | (free != 0)),
            wrote.eq(self.i0.valid & self.i0.ready),
            write.data.eq(self.i0.payload),
            write.en.eq(wrote),
        ]
        with m.If(wrote):
            m.d.sync += write.addr.eq(Mux(write.addr == actor.depth - 1, 0, write.addr + 1))

        pipe = Pipe(m, self.o0, 1)
        go = Signal(name="go")
        loops = Loops(m, actor.counts, go, "read")
        first = loops.first(1, "round_first")
        takes, gives = self._by_round(m, loops, "takes", actor.takes), self._by_round(m, loops, "gives", actor.gives)
        m.d.comb += go.eq(pipe.enable & (~first | (full >= takes)))
        pipe.advance(go)
        address = loops.affine(actor.strides, actor.start, "address", modulus=actor.depth, wrap=actor.tokens)
        m.d.comb += [read.addr.eq(address), read.en.eq(pipe.enable)]
        m.d.sync += [
            full.eq(full + (wrote & fill.end) - Mux(go & first, takes, 0)),
            free.eq(free + Mux(go & loops.ends[1], gives, 0) - (wrote & opening)),
        ]
        self._out(m, pipe, loops, read.data)
        return m

    def _by_round(self, m: Module, loops: Loops, name: str, values: tuple[int, ...]) -> Value:
        """A value by the index of the outermost loop: the commonest, but for a few rounds."""
        common = max(set(values), key=values.count)
        if all(v == common for v in values):
            return Const(common)
        found = Signal(range(max(values) + 1), name=name)
        with m.Switch(loops.index[0]):
            for value in sorted(set(values) - {common}):
                with m.Case(*(r for r, v in enumerate(values) if v == value)):
                    m.d.comb += found.eq(value)
            with m.Default():
                m.d.comb += found.eq(common)
        return found

    def _out(self, m: Module, pipe: Pipe, loops: Loops, data: Value) -> None:
        before, after = self.inputs[0], self.outs[0]
        values = lanes(data, before.kind, before.lanes)
        if after.kind.bits != before.kind.bits:
            data = Cat(*(fit(_signed(v, before), after.kind.bits) for v in values))
        if not self.actor.bounds:
            m.d.comb += self.o0.payload.eq(data)
            return
        inside: Value = Const(1, 1)
        for k, bound in enumerate(self.actor.bounds):
            inside = inside & self._inside(loops, bound, f"place{k}")
        kept = pipe.follow(inside, 1, "inside")
        fill = Const(self.actor.fill & ((1 << after.kind.bits) - 1), after.kind.bits)
        m.d.comb += self.o0.payload.eq(Mux(kept, data, Cat(*([fill] * after.lanes))))

    def _inside(self, loops: Loops, bound: Bound, name: str) -> Value:
        place = loops.affine(bound.strides, bound.start, name)
        high = place < bound.limit
        return high & ~place[-1] if place.shape().signed else high


def _signed(value: Value, before: Stream) -> Value:
    return value.as_signed() if before.kind.signed else value
