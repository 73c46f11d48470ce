"""A circuit folded in time behind the stream ports: one vector is worked on for a fixed number of cycles.

The core is one step; its states are registers here. The vector is not stored: a stream holds TDATA until it is taken,
and it is taken in the last cycle, when the result stands at the output.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal

from nc.hdl.stream import StreamTop
from nc.hdl.words import WordDesign
from nc.ir.loops import Loop
from nc.ir.stream import StreamSpec
from nc.ir.words import WordGraph


def folded_spec(step: WordGraph, cycles: int, states: Sequence[str]) -> StreamSpec:
    """The interface of `FoldedTop`: a vector goes in and its result comes out in the same cycle, `cycles` apart."""
    inner = {*states, *(f"{name}.next" for name in states)}
    inputs, outputs = (tuple(p.tensor for p in ports if p.name not in inner) for ports in (step.inputs, step.outputs))
    s_width, m_width = (sum(p.width for p in ports) for ports in (inputs, outputs))
    return StreamSpec(inputs, outputs, s_width, m_width, latency=0, ii=cycles)


class FoldedTop(StreamTop):
    """The module `top`: `cycles` steps of `core` a vector; the state `step` counts them from 0."""

    def __init__(self, core: WordDesign, cycles: int, loops: Sequence[Loop]) -> None:
        super().__init__(core, 0, loops=loops)
        self.cycles = cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = self.core
        ins = {p.name: signal for p, signal in zip(self.core.graph.inputs, self.core.inputs)}
        outs = {p.name: signal for p, signal in zip(self.core.graph.outputs, self.core.outputs)}
        live, last = Signal(name="live"), Signal(name="last_step")
        (sample,), (result,) = self.inputs, self.outputs
        m.d.sync += live.eq(1)
        m.d.comb += [
            self.core.enable.eq(1),
            last.eq(ins["step"] == self.cycles - 1),
            ins[sample.name].eq(self.s_tdata),
            self.m_tdata.eq(outs[result.name]),
            self.m_tvalid.eq(self.s_tvalid & live & last),
            self.m_tlast.eq(1),
            self.s_tready.eq(self.m_tready & live & last),
        ]
        moves = self.s_tvalid & live & (~last | self.m_tready)
        for loop in self.loops:
            self._close(m, loop, ins[loop.state], outs[loop.following], moves)
        return m
