"""The network: the component of every actor, a FIFO on every stream, AXI4-Stream ports around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from amaranth.hdl import Module, Signal

from nc.hdl.stream import StreamPorts
from nc.hdl.streaming import argmax, buffer, matvec, reduce, routing, staircase, taps, words
from nc.hdl.streaming.fifo import Fifo
from nc.hdl.streaming.pipe import Loops
from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.graph import WIRE, Dataflow, Source
from nc.ir.dataflow.streams import Stream

COMPONENTS: Mapping[str, Callable[[Any, tuple[Stream, ...]], Any]] = {
    "argmax": argmax.ArgMax,
    "buffer": buffer.Buffer,
    "fork": routing.Fork,
    "gather": routing.Gather,
    "matvec": matvec.MatVec,
    "reduce": reduce.Reduce,
    "scatter": routing.Scatter,
    "staircase": staircase.Staircase,
    "taps": taps.Taps,
    "words": words.Words,
}
"""The hardware of each kind of actor."""


def component(actor: Actor, *inputs: Stream) -> Any:
    """The Amaranth component of an actor, with streams `i0`, ... and `o0`, ..."""
    return COMPONENTS[actor.name](actor, inputs)


class StreamingTop(StreamPorts):
    """The module `top` of a dataflow. A beat is a token; `s_tlast` is ignored, `m_tlast` marks a sample's last."""

    def __init__(self, flow: Dataflow) -> None:
        self.flow = flow
        super().__init__(flow.input.width, flow.result.width)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flow = self.flow
        live = Signal(name="live")  # nothing is taken during reset
        m.d.sync += live.eq(1)
        names = module_names([node.name for node in flow.nodes])
        readers: dict[Source, Any] = {}
        parts = []
        for node, name in zip(flow.nodes, names):
            part = component(node.actor, *flow.inputs(node))
            m.submodules[name] = part
            parts.append(part)
            for k, (source, depth) in enumerate(zip(node.inputs, node.depths)):
                readers[source] = self._fifo(m, f"{name}_fifo{k}", source, depth, part.input(k))
        out = Fifo(flow.result.width, flow.output_depth)
        m.submodules.out_fifo = out
        readers[flow.output] = out.i
        for source, stream in readers.items():
            if source.node >= 0:
                _connect(m, parts[source.node].output(source.port), stream)
        entry = readers[Source(-1)]
        m.d.comb += [
            entry.valid.eq(self.s_tvalid & live),
            entry.payload.eq(self.s_tdata),
            self.s_tready.eq(entry.ready & live),
            self.m_tvalid.eq(out.o.valid),
            self.m_tdata.eq(out.o.payload),
            out.o.ready.eq(self.m_tready),
        ]
        m.d.comb += self.m_tlast.eq(Loops(m, (flow.result.count,), self.m_tvalid & self.m_tready, "beat").end)
        return m

    def _fifo(self, m: Module, name: str, source: Source, depth: int, port: Any) -> Any:
        """What the giver is to be connected to."""
        if depth == WIRE:
            return port
        fifo = Fifo(self.flow.streams[source].width, depth)
        m.submodules[name] = fifo
        _connect(m, fifo.o, port)
        return fifo.i


def _connect(m: Module, giver: Any, taker: Any) -> None:
    m.d.comb += [taker.valid.eq(giver.valid), taker.payload.eq(giver.payload), giver.ready.eq(taker.ready)]


def module_names(names: list[str]) -> list[str]:
    """Distinct Verilog names."""
    taken: set[str] = set()
    made = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_]+", "_", name.replace("%", "v")) or "actor"
        unique, k = base, 1
        while unique in taken:
            k += 1
            unique = f"{base}_{k}"
        taken.add(unique)
        made.append(unique)
    return made
