"""AXI4-Stream around a pipelined core: back-pressure that holds every stage, and ports narrower than a vector.

    s_* -> [deserialiser] -> core (stages registers deep) -> [serialiser] -> m_*

The core moves as one: `enable` is low while a finished vector waits for a consumer that is not ready. A narrow input
port collects beats, low bits first, and hands the vector over with its last beat; a narrow output port sends them.
`s_tlast` marks a vector's last beat; an early one drops the partial vector, so that a stream can be resynchronised.

A network with memory keeps its state here, in registers between output and input ports of the core: reset brings back
the initial state, and a vector enters when the one before has left its state, `stages` + 1 cycles later.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Shape, Signal, Value

from nc.hdl.word_layout import probes
from nc.hdl.words import WordDesign
from nc.ir.loops import Loop
from nc.ir.stream import StreamSpec, TensorPort, beats
from nc.ir.words import WordGraph


def stream_spec(
    graph: WordGraph,
    stages: int,
    s_width: int | None = None,
    m_width: int | None = None,
    loops: Sequence[Loop] = (),
) -> StreamSpec:
    """The interface of `StreamTop`. Latency: from the cycle of the last beat in to that of the first beat out.

    A network with memory has no probes: holding one vector until all stages carry it would move its state.
    """
    inputs, outputs = outer(graph, loops)
    s_bits = s_width or max(1, sum(p.width for p in inputs))
    m_bits = m_width or max(1, sum(p.width for p in outputs))
    m_beats = beats(outputs, m_bits)
    return StreamSpec(
        inputs,
        outputs,
        s_bits,
        m_bits,
        latency=stages + (m_beats > 1),
        ii=max(stages + 1 if loops else 1, beats(inputs, s_bits), m_beats),
        probes=() if loops else probes(graph, "core."),
    )


def outer(graph: WordGraph, loops: Sequence[Loop]) -> tuple[tuple[TensorPort, ...], tuple[TensorPort, ...]]:
    """The core's input and output tensors without those that carry the state."""
    inner = {name for loop in loops for name in (loop.state, loop.following)}
    inputs, outputs = (tuple(p.tensor for p in ports if p.name not in inner) for ports in (graph.inputs, graph.outputs))
    return inputs, outputs


class StreamPorts(Elaboratable):
    """The ports of every `top`: AXI4-Streams `s_*` in and `m_*` out, `s_width` and `m_width` bits of TDATA."""

    def __init__(self, s_width: int, m_width: int) -> None:
        self.s_width, self.m_width = s_width, m_width
        self.s_tdata = Signal(s_width)
        self.s_tvalid = Signal()
        self.s_tready = Signal()
        self.s_tlast = Signal()
        self.m_tdata = Signal(m_width)
        self.m_tvalid = Signal()
        self.m_tready = Signal()
        self.m_tlast = Signal()

    @property
    def ports(self) -> list[Signal]:
        return [
            self.s_tdata, self.s_tvalid, self.s_tready, self.s_tlast,
            self.m_tdata, self.m_tvalid, self.m_tready, self.m_tlast,
        ]  # fmt: skip


class StreamTop(StreamPorts):
    """The module `top`: `core` with `stages` register stages between `s_width` and `m_width` bits of TDATA.

    Widths are those of the whole vector when None. `loops`: ports of the core that its state passes through from one
    vector to the next. Synchronous reset `rst` empties all stages and brings back the initial state.
    """

    def __init__(
        self,
        core: WordDesign,
        stages: int,
        *,
        s_width: int | None = None,
        m_width: int | None = None,
        loops: Sequence[Loop] = (),
    ) -> None:
        self.core = core
        self.stages = stages
        self.loops = tuple(loops)
        self.inputs, self.outputs = outer(core.graph, loops)
        self.in_bits = max(1, sum(p.width for p in self.inputs))
        self.out_bits = max(1, sum(p.width for p in self.outputs))
        super().__init__(s_width or self.in_bits, m_width or self.out_bits)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = self.core
        enable = self.core.enable
        vector, arrived, last = self._deserialise(m)
        # Nothing is taken during reset; this also gives combinational designs the clock that every bench expects.
        live = Signal(name="live")
        m.d.sync += live.eq(1)
        arrived = arrived & live
        ins = {p.name: signal for p, signal in zip(self.core.graph.inputs, self.core.inputs)}
        outs = {p.name: signal for p, signal in zip(self.core.graph.outputs, self.core.outputs)}
        place = 0
        for port in self.inputs:
            m.d.comb += ins[port.name].eq(vector[place : place + port.width])
            place += port.width
        valid: Value = arrived
        ready: Value = enable
        if self.stages:
            stages = Signal(self.stages, name="valid")
            if self.loops:
                ready = enable & (stages == 0)
                arrived = arrived & (stages == 0)
            with m.If(enable):
                m.d.sync += stages.eq(Cat(arrived, stages)[: self.stages])
            valid = stages[-1]
        self._serialise(m, enable, valid, Cat(*(outs[p.name][: p.width] for p in self.outputs)))
        m.d.comb += self.s_tready.eq(live & (ready | ~last))
        for loop in self.loops:
            self._close(m, loop, ins[loop.state], outs[loop.following], valid & enable)
        return m

    def _close(self, m: Module, loop: Loop, state: Signal, following: Signal, moves: Value) -> None:
        """The register of a state: takes its next value when the vector that it belongs to leaves the core."""
        ports = {p.name: p.tensor for p in (*self.core.graph.inputs, *self.core.graph.outputs)}
        held, taken = ports[loop.state], ports[loop.following]
        mask = (1 << held.bits) - 1
        initial = sum((int(v) & mask) << held.bits * i for i, v in enumerate(loop.initial.ravel()))
        register = Signal(held.width, init=initial, name=f"state_{self.loops.index(loop)}")
        m.d.comb += state.eq(register)
        for i in range(held.size):
            bits = following[i * taken.bits : (i + 1) * taken.bits]
            element = Signal(Shape(held.bits, held.signed), name=f"next_{self.loops.index(loop)}_{i}")
            m.d.comb += element.eq(bits.as_signed() if taken.signed else bits)
            with m.If(moves):
                m.d.sync += register[i * held.bits : (i + 1) * held.bits].eq(element)

    def _deserialise(self, m: Module) -> tuple[Value, Value, Value]:
        """The vector, whether it is complete in this cycle, and whether this beat would complete it."""
        count = beats(self.inputs, self.s_width)
        if count == 1:
            return self.s_tdata, self.s_tvalid, Const(1, 1)
        earlier = Signal((count - 1) * self.s_width, reset_less=True, name="earlier")
        beat = Signal(range(count), name="beat_in")
        last = Signal(name="last_in")
        m.d.comb += last.eq(beat == count - 1)
        with m.If(self.s_tvalid & self.s_tready):
            m.d.sync += beat.eq(Mux(last | self.s_tlast, 0, beat + 1))
            # A shift register instead of a decoder: the first beat ends up in the low bits.
            m.d.sync += earlier.eq(Cat(earlier, self.s_tdata)[self.s_width :])
        return Cat(earlier, self.s_tdata)[: self.in_bits], self.s_tvalid & last, last

    def _serialise(self, m: Module, enable: Signal, valid: Value, vector: Value) -> None:
        count = beats(self.outputs, self.m_width)
        if count == 1:
            m.d.comb += [
                self.m_tdata.eq(vector),
                self.m_tvalid.eq(valid),
                self.m_tlast.eq(1),
                enable.eq(~valid | self.m_tready),
            ]
            return
        rest = Signal(count * self.m_width, reset_less=True, name="rest")
        left = Signal(range(count + 1), name="beats_left")
        sent = Signal(name="sent")
        free = Signal(name="free")
        m.d.comb += [
            self.m_tdata.eq(rest[: self.m_width]),
            self.m_tvalid.eq(left != 0),
            self.m_tlast.eq(left == 1),
            sent.eq(self.m_tvalid & self.m_tready),
            free.eq((left == 0) | ((left == 1) & sent)),
            enable.eq(~valid | free),
        ]
        with m.If(valid & free):
            m.d.sync += [rest.eq(vector), left.eq(count)]
        with m.Elif(sent):
            m.d.sync += [rest.eq(rest >> self.m_width), left.eq(left - 1)]


def width_of(option: str | int, ports: Sequence[int]) -> int | None:
    """`io.width`: 'full' is None; a number is taken unless the whole vector is narrower."""
    if option == "full":
        return None
    return min(int(option), max(1, sum(ports)))
