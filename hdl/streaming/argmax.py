"""argmax: the best lane of each token, then the best token."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value

from nc.hdl.streaming.pipe import Component, Loops, Pipe, lanes, shape
from nc.ir.dataflow.argmax import ArgMax as Actor


class ArgMax(Component[Actor]):
    """The hardware of `nc.ir.dataflow.ArgMax`."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor, x = self.actor, self.inputs[0]
        pipe = Pipe(m, self.o0, actor.delay)
        go = Signal(name="go")
        m.d.comb += [go.eq(pipe.enable & self.i0.valid), self.i0.ready.eq(pipe.enable)]
        loops = Loops(m, (actor.tokens,), go, "token")
        pipe.advance(go & loops.end)
        best, lane = self._within(m, lanes(self.i0.payload, x.kind, x.lanes))
        best, lane = pipe.follow(best, 1, "best"), pipe.follow(lane, 1, "lane")
        first = pipe.follow(loops.first_of(0), 1, "first") if actor.tokens > 1 else Const(1, 1)
        base = pipe.follow(loops.affine((x.lanes,), 0, "base"), 1, "base_at") if actor.tokens > 1 else Const(0, 1)
        active = pipe.follow(go, 1, "active")
        record = Signal(shape(x.kind), name="record", reset_less=True)
        place = Signal(self.outs[0].kind.bits, name="place", reset_less=True)
        better = best >= record if actor.last else best > record
        with m.If(pipe.enable & active & (first | better)):
            m.d.sync += [record.eq(best), place.eq(base + lane)]
        m.d.comb += self.o0.payload.eq(place)
        return m

    def _within(self, m: Module, values: list[Value]) -> tuple[Value, Value]:
        """A tournament in which the left side wins ties, or the right one for `last`."""
        field: list[tuple[Value, Value]] = [(v, Const(i, range(len(values)))) for i, v in enumerate(values)]
        round_ = 0
        while len(field) > 1:
            winners = []
            for i in range(0, len(field) - 1, 2):
                (a, p), (b, q) = field[i], field[i + 1]
                right = Signal(name=f"right{round_}_{i}")
                m.d.comb += right.eq(b >= a if self.actor.last else b > a)
                winners.append((Mux(right, b, a), Mux(right, q, p)))
            field = winners + field[len(field) & ~1 :]
            round_ += 1
        return field[0]
