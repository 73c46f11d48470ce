"""words: a word graph between streams, with a memory of constants that change from token to token."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value

from nc.hdl.streaming.pipe import Component, Loops, Pipe, fit, rom
from nc.hdl.words import WordDesign
from nc.ir.dataflow.streams import Stream
from nc.ir.dataflow.words import Words as Actor


class Words(Component[Actor]):
    """The hardware of `nc.ir.dataflow.Words`."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor = self.actor
        m.submodules.core = core = WordDesign(actor.graph, cells="inline")
        pipe = Pipe(m, self.o0, actor.delay)
        ports = [self.input(k) for k in range(len(self.inputs))]
        arrived: Value = Const(1, 1)
        for port in ports:
            arrived = arrived & port.valid
        go = Signal(name="go")
        m.d.comb += [go.eq(pipe.enable & arrived), core.enable.eq(pipe.enable)]
        m.d.comb += [port.ready.eq(go) for port in ports]
        pipe.advance(go)
        tokens: list[Value] = [port.payload for port in ports]
        if actor.params.shape[1]:
            tokens = [pipe.follow(t, 1, f"token{k}") for k, t in enumerate(tokens)]
            period = len(actor.params)
            place = Loops(m, (period,), go, "row").index[0]
            port = actor.graph.inputs[-1]
            row = rom(m, "params", actor.params, pipe.enable, place)
            m.d.comb += core.inputs[-1].eq(Cat(*(fit(value, port.bits) for value in row)))
        for signal, token, stream, port in zip(core.inputs, tokens, self.inputs, actor.graph.inputs):
            m.d.comb += signal.eq(_widen(token, stream, port.bits))
        out, port = self.outs[0], actor.graph.outputs[0]
        parts = [core.outputs[0][k * port.bits : (k + 1) * port.bits] for k in range(out.lanes)]
        kept = [fit(p.as_signed() if port.signed else p, out.kind.bits) for p in parts]
        m.d.comb += self.o0.payload.eq(Cat(*kept))
        return m


def _widen(token: Value, stream: Stream, bits: int) -> Value:
    if bits == stream.kind.bits:
        return token
    parts = [token[k * stream.kind.bits : (k + 1) * stream.kind.bits] for k in range(stream.lanes)]
    return Cat(*(fit(p.as_signed() if stream.kind.signed else p, bits) for p in parts))
