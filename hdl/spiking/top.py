"""The stream top of one neuron core: frames of input values in, frames of spikes (or membranes) out.

A frame is one tick. A vector is a sequence of frames; TLAST ends it, and the core then forgets all state, so that
sequences do not disturb each other. An input frame takes `s_beats` beats, an output frame one beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from nc.hdl.spiking.core import NeuronCore
from nc.hdl.spiking.memory import Table
from nc.hdl.spiking.program import NO_SLOT, CoreProgram, address_bits
from nc.ir.stream import StreamSpec, TensorPort


@dataclass(frozen=True)
class Frames:
    """How frames look: `inputs` values of `value_bits` bits in `s_width`-bit beats; `outputs` of `output_bits` bits."""

    inputs: int
    value_bits: int
    value_signed: bool
    outputs: int
    output_bits: int

    @property
    def s_width(self) -> int:
        """The widest divisor of the frame of at most 64 bits that holds whole values, so that no beat is padded."""
        per_beat = max(d for d in range(1, self.inputs + 1) if self.inputs % d == 0 and d * self.value_bits <= 64)
        return per_beat * self.value_bits

    @property
    def s_beats(self) -> int:
        return self.inputs * self.value_bits // self.s_width

    @property
    def m_width(self) -> int:
        return self.outputs * self.output_bits


def frames_of(program: CoreProgram, inputs: int) -> Frames:
    """The frames of a core's top; an output carries membranes when one of the observed neurons emits its own."""
    observed = program.slot != NO_SLOT
    values = any(not program.populations[int(k)].fires for k in set(program.neurons["population"][observed]))
    bits = program.state_bits if values else 1
    return Frames(inputs, program.value_bits, program.value_signed, int(observed.sum()), bits)


def stream_spec(frames: Frames, ticks: int) -> StreamSpec:
    """The stream interface for sequences of that many ticks; how long one takes depends on its spikes."""
    return StreamSpec(
        inputs=(TensorPort("input", (ticks, frames.inputs), frames.value_bits, frames.value_signed),),
        outputs=(TensorPort("output", (ticks, frames.outputs), frames.output_bits, frames.output_bits > 1),),
        s_width=frames.s_width,
        m_width=frames.m_width,
    )


def stream_signature(s_width: int, m_width: int) -> dict[str, object]:
    """The ports of every generated `top`, with AXI4-Stream names."""
    return {
        "s_tdata": In(s_width),
        "s_tvalid": In(1),
        "s_tlast": In(1),
        "s_tready": Out(1),
        "m_tdata": Out(m_width),
        "m_tvalid": Out(1),
        "m_tlast": Out(1),
        "m_tready": In(1),
    }


class FrameReader(Component):
    """Beats to events: one event for each value that is not zero, lowest index first."""

    def __init__(self, frames: Frames, event_layout: data.StructLayout):
        self.frames = frames
        super().__init__(
            {
                "tdata": In(frames.s_width),
                "tvalid": In(1),
                "tlast": In(1),
                "tready": Out(1),
                "event": Out(stream.Signature(event_layout)),
                "accept": In(1),
                "done": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        f = self.frames
        count = f.s_width // f.value_bits
        beat = Signal(f.s_width)
        base = Signal(range(f.inputs + 1))
        full = Signal()
        beats_left = Signal(range(f.s_beats + 1), init=f.s_beats)
        values = [beat.word_select(k, f.value_bits) for k in range(count)]
        place = Signal(range(count))
        nonzero = Signal()
        for k in reversed(range(count)):
            with m.If(values[k] != 0):
                m.d.comb += [place.eq(k), nonzero.eq(1)]
        value: Value = beat.word_select(place, f.value_bits)
        m.d.comb += [
            self.event.valid.eq(full & nonzero),
            self.event.payload.axon.eq(base + place),
            self.event.payload.value.eq(value.as_signed() if f.value_signed else value),
            self.tready.eq(~full & self.accept & ~self.done),
            self.done.eq(~full & (beats_left == 0)),
        ]
        with m.If(self.tvalid & self.tready):
            m.d.sync += [beat.eq(self.tdata), full.eq(1), beats_left.eq(beats_left - 1), self.last.eq(self.tlast)]
        with m.If(full & ~nonzero):
            m.d.sync += [full.eq(0), base.eq(base + count)]
        with m.If(self.event.valid & self.event.ready):
            m.d.sync += beat.word_select(place, f.value_bits).eq(0)
        with m.If(~self.accept):
            m.d.sync += [beats_left.eq(f.s_beats), base.eq(0)]
        return m


class SpikingTop(Component):
    """One core between two streams. `frames` says how vectors are cut into beats."""

    def __init__(self, program: CoreProgram, inputs: int):
        self.program = program
        self.frames = frames_of(program, inputs)
        super().__init__(stream_signature(self.frames.s_width, self.frames.m_width))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, f = self.program, self.frames
        m.submodules.core = core = NeuronCore(p)
        m.submodules.reader = reader = FrameReader(f, core.event_layout)
        m.d.comb += [
            reader.tdata.eq(self.s_tdata),
            reader.tvalid.eq(self.s_tvalid),
            reader.tlast.eq(self.s_tlast),
            self.s_tready.eq(reader.tready),
        ]
        # A spike of the core's own comes back as an event; the reader's events have already been taken by then.
        m.d.comb += [
            core.event.valid.eq(reader.event.valid | core.spike.valid),
            core.event.payload.axon.eq(Mux(core.spike.valid, core.spike.payload + f.inputs, reader.event.payload.axon)),
            core.event.payload.value.eq(Mux(core.spike.valid, 1, reader.event.payload.value)),
            core.spike.ready.eq(core.event.ready),
            reader.event.ready.eq(core.event.ready & ~core.spike.valid),
        ]
        m.submodules.observer = observer = Observer(p, f.output_bits)
        m.d.comb += [
            observer.valid.eq(core.value_valid),
            observer.neuron.eq(core.value_neuron),
            observer.value.eq(core.value),
            observer.spiked.eq(core.spike.valid),
        ]
        with m.FSM():
            with m.State("FRAME"):
                m.d.comb += reader.accept.eq(1)
                with m.If(reader.done & core.idle):
                    m.d.comb += core.start.eq(1)
                    m.next = "STARTED"
            with m.State("STARTED"):
                m.d.comb += reader.accept.eq(1)
                m.next = "UPDATE"
            with m.State("UPDATE"), m.If(core.idle):
                m.d.comb += core.end_tick.eq(1)
                m.d.sync += [self.m_tdata.eq(observer.frame), self.m_tvalid.eq(1), self.m_tlast.eq(reader.last)]
                m.next = "SEND"
            with m.State("SEND"), m.If(self.m_tready):
                m.d.sync += self.m_tvalid.eq(0)
                m.d.comb += observer.clear.eq(1)
                m.next = "FRAME"
                with m.If(self.m_tlast):
                    m.d.comb += core.clear.eq(1)
                    m.next = "CLEARED"
            with m.State("CLEARED"):
                m.next = "FRAME"
        return m


class Observer(Component):
    """Collects a tick's spikes, and the membranes of neurons that emit these, at the slots of a core's program.

    valid, neuron, value: a neuron's update; spiked: one cycle after it, whether it fired. clear: a new frame begins.
    """

    def __init__(self, program: CoreProgram, bits: int):
        self.program, self.bits = program, bits
        self.count = int((program.slot != NO_SLOT).sum())
        super().__init__(
            {
                "valid": In(1),
                "neuron": In(address_bits(program.size)),
                "value": In(signed(program.state_bits)),
                "spiked": In(1),
                "clear": In(1),
                "frame": Out(self.count * bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.program
        columns = {"slot": np.maximum(p.slot, 0), "watched": (p.slot != NO_SLOT).astype(int), "fires": _fires(p)}
        m.submodules.slots = slots = Table(columns)
        m.d.comb += slots.address.eq(self.neuron)
        valid, value = Signal(), Signal(signed(p.state_bits))
        m.d.sync += [valid.eq(self.valid), value.eq(self.value)]
        # The value as wide as a slot, its sign kept.
        entry = Signal(signed(max(self.bits, p.state_bits)))
        m.d.comb += entry.eq(Mux(slots.row["fires"], self.spiked, value))
        place = Signal(range(max(self.count, 2)))
        m.d.comb += place.eq(slots.row["slot"])
        with m.If(self.clear):
            m.d.sync += self.frame.eq(0)
        with m.Elif(valid & slots.row["watched"]):
            m.d.sync += self.frame.word_select(place, self.bits).eq(entry)
        return m


def _fires(p: CoreProgram) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([q.fires for q in p.populations], np.int64)[p.neurons["population"]]
