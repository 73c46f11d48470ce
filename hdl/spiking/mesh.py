"""A 2-D mesh of neuron cores between two streams, in step by phases: exact whatever the placement.

    frame ─▶ reader ─▶ input routes ─▶ routers ⇄ cores ─▶ observers ─▶ frame

A phase ends when no core works, no packet is on its way and no table is being read.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component

from nc.hdl.spiking.core import NeuronCore
from nc.hdl.spiking.mesh_program import MeshProgram
from nc.hdl.spiking.program import NO_SLOT, address_bits
from nc.hdl.spiking.router import Fanout, Router, packet_layout
from nc.hdl.spiking.top import FrameReader, Frames, Observer, stream_signature

OPPOSITE = {"east": ("west", 1, 0), "south": ("north", 0, 1)}


def mesh_frames(program: MeshProgram) -> Frames:
    some = next(iter(program.cores.values()))
    bits = program.state_bits if program.emits_values else 1
    return Frames(program.inputs, program.value_bits, some.value_signed, program.outputs, bits)


class SpikingMesh(Component):
    """The ports of every generated `top`; frames as those of a single core."""

    def __init__(self, program: MeshProgram):
        self.program = program
        self.frames = mesh_frames(program)
        super().__init__(stream_signature(self.frames.s_width, self.frames.m_width))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, f = self.program, self.frames
        value = signed(f.value_bits) if f.value_signed else unsigned(f.value_bits)
        layout = packet_layout(p.width, p.height, address_bits(p.axons), value)
        routers = {(x, y): Router(x, y, layout) for y in range(p.height) for x in range(p.width)}
        for (x, y), router in routers.items():
            m.submodules[f"router_{x}_{y}"] = router
            for way, (back, dx, dy) in OPPOSITE.items():
                if (x + dx, y + dy) in routers:
                    _join(m, router, way, routers[x + dx, y + dy], back)
        m.submodules.inputs = inputs = Fanout(p.input_routes, p.inputs, layout, value)
        events = data.StructLayout({"axon": unsigned(address_bits(p.inputs)), "value": value})
        m.submodules.reader = reader = FrameReader(f, events)
        m.d.comb += [
            reader.tdata.eq(self.s_tdata),
            reader.tvalid.eq(self.s_tvalid),
            reader.tlast.eq(self.s_tlast),
            self.s_tready.eq(reader.tready),
            inputs.spike.valid.eq(reader.event.valid),
            inputs.spike.payload.source.eq(reader.event.payload.axon),
            inputs.spike.payload.value.eq(reader.event.payload.value),
            reader.event.ready.eq(inputs.spike.ready),
        ]
        cores, idle, frame = {}, [inputs.idle], Signal(f.m_width)
        cleared = Signal()
        for cell, program in p.cores.items():
            name = f"{cell[0]}_{cell[1]}"
            m.submodules[f"core_{name}"] = core = cores[cell] = NeuronCore(program)
            m.submodules[f"fanout_{name}"] = fanout = Fanout(p.routes[cell], program.size, layout, value)
            router = routers[cell]
            m.d.comb += [
                core.event.valid.eq(router.local_out.valid),
                core.event.payload.axon.eq(router.local_out.payload.axon),
                core.event.payload.value.eq(router.local_out.payload.value),
                router.local_out.ready.eq(core.event.ready),
                fanout.spike.valid.eq(core.spike.valid),
                fanout.spike.payload.source.eq(core.spike.payload),
                fanout.spike.payload.value.eq(1),
                core.spike.ready.eq(fanout.spike.ready),
            ]
            idle += [core.idle, fanout.idle]
            self._inject(m, router, fanout, inputs if cell == (0, 0) else None)
            if (program.slot != NO_SLOT).any():
                self._observe(m, name, core, frame, p.output_slot[cell], cleared)
        if (0, 0) not in p.cores:
            self._inject(m, routers[0, 0], None, inputs)
        for cell in routers.keys() - p.cores.keys():
            m.d.comb += routers[cell].local_out.ready.eq(1)
        quiet = reduce(and_, [*idle, *(r.empty for r in routers.values())])
        self._control(m, reader, list(cores.values()), quiet, frame, cleared)
        return m

    def _inject(self, m: Module, router: Any, fanout: Any, inputs: Any) -> None:
        """What enters the mesh here: the core's spikes, or the frame's, which come while no core fires."""
        sources = [s for s in (inputs, fanout) if s is not None]
        first = sources[0]
        m.d.comb += [router.local_in.valid.eq(Cat(*(s.packet.valid for s in sources)).any())]
        m.d.comb += first.packet.ready.eq(router.local_in.ready)
        payload: Value = first.packet.payload.as_value()
        if len(sources) == 2:
            second = sources[1]
            m.d.comb += second.packet.ready.eq(router.local_in.ready & ~first.packet.valid)
            payload = Mux(first.packet.valid, payload, second.packet.payload.as_value())
        m.d.comb += router.local_in.payload.as_value().eq(payload)

    def _observe(self, m: Module, name: str, core: NeuronCore, frame: Signal, slots: Any, cleared: Signal) -> None:
        bits = self.frames.output_bits
        m.submodules[f"observer_{name}"] = observer = Observer(core.program, bits)
        m.d.comb += [
            observer.valid.eq(core.value_valid),
            observer.neuron.eq(core.value_neuron),
            observer.value.eq(core.value),
            observer.spiked.eq(core.spike.valid),
            observer.clear.eq(cleared),
        ]
        for k, slot in enumerate(slots.tolist()):
            m.d.comb += frame.word_select(slot, bits).eq(observer.frame.word_select(k, bits))

    def _control(
        self, m: Module, reader: FrameReader, cores: list[NeuronCore], quiet: Value, frame: Signal, cleared: Signal
    ) -> None:
        phase = Signal(address_bits(self.program.phases))
        start, end_tick, clear = Signal(), Signal(), Signal()
        for core in cores:
            m.d.comb += [
                core.start.eq(start),
                core.phase.eq(phase),
                core.end_tick.eq(end_tick),
                core.clear.eq(clear),
            ]
        with m.FSM():
            with m.State("FRAME"):
                m.d.comb += reader.accept.eq(1)
                with m.If(reader.done & quiet):
                    m.next = "START"
            with m.State("START"):
                m.d.comb += [reader.accept.eq(1), start.eq(1)]
                m.next = "STARTED"
            with m.State("STARTED"):
                m.d.comb += reader.accept.eq(1)
                m.next = "PHASE"
            with m.State("PHASE"):
                m.d.comb += reader.accept.eq(1)
                with m.If(quiet & (phase == self.program.phases - 1)):
                    m.next = "TICK"
                with m.Elif(quiet):
                    m.d.sync += phase.eq(phase + 1)
                    m.next = "START"
            with m.State("TICK"):
                m.d.comb += end_tick.eq(1)
                m.d.sync += [phase.eq(0), self.m_tdata.eq(frame), self.m_tvalid.eq(1), self.m_tlast.eq(reader.last)]
                m.next = "SEND"
            with m.State("SEND"), m.If(self.m_tready):
                m.d.sync += self.m_tvalid.eq(0)
                m.d.comb += cleared.eq(1)
                m.next = "FRAME"
                with m.If(self.m_tlast):
                    m.d.comb += clear.eq(1)
                    m.next = "CLEARED"
            with m.State("CLEARED"):
                m.next = "FRAME"


def _join(m: Module, a: Any, way: str, b: Any, back: str) -> None:
    """Both directions of a link between two routers."""
    for left, right in ((getattr(a, f"{way}_out"), getattr(b, f"{back}_in")),
                        (getattr(b, f"{back}_out"), getattr(a, f"{way}_in"))):  # fmt: skip
        m.d.comb += [right.valid.eq(left.valid), right.payload.eq(left.payload), left.ready.eq(right.ready)]
