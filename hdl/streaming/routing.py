"""gather, scatter, fork: tokens made wider, narrower, and given to several readers."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from nc.hdl.streaming.pipe import Component, Loops, Pipe
from nc.ir.dataflow import routing as actors


class Gather(Component[actors.Gather]):
    """A shift register of tokens."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pipe = Pipe(m, self.o0, 1)
        go = Signal(name="go")
        m.d.comb += [go.eq(pipe.enable & self.i0.valid), self.i0.ready.eq(pipe.enable)]
        pipe.advance(go & Loops(m, (self.actor.factor,), go).end)
        held = Signal(self.outs[0].width, name="held", reset_less=True)
        with m.If(go):
            m.d.sync += held.eq(Cat(held, self.i0.payload)[self.inputs[0].width :])
        m.d.comb += self.o0.payload.eq(held)
        return m


class Scatter(Component[actors.Scatter]):
    """A shift register that is loaded and read from its low end."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pipe = Pipe(m, self.o0, 1)
        go = Signal(name="go")
        loops = Loops(m, (self.actor.factor,), go)
        fresh = loops.first_of(0)
        m.d.comb += [go.eq(pipe.enable & (~fresh | self.i0.valid)), self.i0.ready.eq(pipe.enable & fresh)]
        pipe.advance(go)
        width = self.outs[0].width
        held = Signal(self.inputs[0].width, name="held", reset_less=True)
        with m.If(go):
            m.d.sync += held.eq(Mux(fresh, self.i0.payload, held >> width))
        m.d.comb += self.o0.payload.eq(held[:width])
        return m


class Fork(Component[actors.Fork]):
    """A token is taken when every reader has room."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outs = [self.output(k) for k in range(self.actor.ways)]
        room: Value = Const(1, 1)
        for out in outs:
            room = room & out.ready
        m.d.comb += self.i0.ready.eq(room)
        for out in outs:
            m.d.comb += [out.valid.eq(self.i0.valid & room), out.payload.eq(self.i0.payload)]
        return m
