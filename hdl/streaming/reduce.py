"""reduce: running sums or maxima, lane by lane, in a register or, for interleaved groups, in a memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib.memory import Memory

from nc.hdl.streaming.pipe import Component, Loops, Pipe, lanes, pack, shape
from nc.ir.dataflow.reduce import Reduce as Actor


class Reduce(Component[Actor]):
    """The hardware of `nc.ir.dataflow.Reduce`. With several groups a total is read, joined and written back: groups
    come in turn, so a total is back before it is read again."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor = self.actor
        pipe = Pipe(m, self.o0, actor.delay)
        go = Signal(name="go")
        loops = Loops(m, (actor.rounds, actor.groups), go, "step")
        m.d.comb += [go.eq(pipe.enable & self.i0.valid), self.i0.ready.eq(pipe.enable)]
        last = loops.index[0] == actor.rounds - 1
        first = loops.index[0] == 0
        pipe.advance(go & last)
        if actor.groups == 1:
            self._register(m, go, first)
        else:
            self._memory(m, pipe, loops, go, first)
        return m

    def _join(self, first: Value, held: Value, token: Value) -> list[Value]:
        x, kind, count = self.inputs[0], self.outs[0].kind, self.outs[0].lanes
        joined = []
        for old, new in zip(lanes(held, kind, count), lanes(token, x.kind, count)):
            better = Mux(new > old, new, old) if self.actor.how == "max" else old + new
            joined.append(Mux(first, new, better))
        return joined

    def _register(self, m: Module, go: Value, first: Value) -> None:
        held = Signal(self.outs[0].width, name="held", reset_less=True)
        with m.If(go):
            m.d.sync += held.eq(self._pack(m, self._join(first, held, self.i0.payload), "joined"))
        m.d.comb += self.o0.payload.eq(held)

    def _memory(self, m: Module, pipe: Pipe, loops: Loops, go: Value, first: Value) -> None:
        memory = Memory(shape=unsigned(self.outs[0].width), depth=self.actor.groups, init=[])
        m.submodules.totals = memory
        write, read = memory.write_port(), memory.read_port()
        group = pipe.follow(loops.index[1], 1, "group")
        token = pipe.follow(self.i0.payload, 1, "token")
        active = pipe.follow(go, 1, "active")
        total = self._pack(m, self._join(pipe.follow(first, 1, "first"), read.data, token), "joined")
        held = Signal(self.outs[0].width, name="held", reset_less=True)
        m.d.comb += [
            read.addr.eq(loops.index[1]), read.en.eq(pipe.enable),
            write.addr.eq(group), write.data.eq(total), write.en.eq(pipe.enable & active),
            self.o0.payload.eq(held),
        ]  # fmt: skip
        with m.If(pipe.enable):
            m.d.sync += held.eq(total)

    def _pack(self, m: Module, values: list[Value], name: str) -> Value:
        kind = self.outs[0].kind
        made = []
        for k, value in enumerate(values):
            signal = Signal(shape(kind), name=f"{name}{k}")
            m.d.comb += signal.eq(value)
            made.append(signal)
        return pack(made, kind)
