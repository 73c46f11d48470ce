"""The module `board`: a clock pin and a serial line around the `top` of a build."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, Elaboratable, Instance, Module, Signal

from nc.hdl.uart import Receiver, Transmitter
from nc.hdl.uart_bridge import FrameReceiver, FrameSender
from nc.ir.stream import StreamSpec, beats

RESET_CYCLES = 16
"""Cycles of reset after configuration, when all registers have their initial values."""


class Board(Elaboratable):
    """`clk`, `rx`, `tx` are pins; `divisor`: clock cycles a bit of the line; `patience`: cycles without a byte after
    which a frame is given up."""

    def __init__(self, spec: StreamSpec, divisor: int, patience: int) -> None:
        self.spec, self.divisor, self.patience = spec, divisor, patience
        self.clk = Signal()
        self.rx = Signal(init=1)
        self.tx = Signal()

    @property
    def ports(self) -> list[Signal]:
        return [self.clk, self.rx, self.tx]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        domain = ClockDomain("sync", reset_less=True)
        domain.clk = self.clk
        m.domains.sync = domain
        cycles = Signal(range(RESET_CYCLES + 1))
        reset = Signal()
        m.d.comb += reset.eq(cycles != RESET_CYCLES)
        with m.If(reset):
            m.d.sync += cycles.eq(cycles + 1)

        m.submodules.receiver = receiver = Receiver(self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(self.divisor)
        m.submodules.frames_in = frames = FrameReceiver(spec.s_width, beats(spec.inputs, spec.s_width), self.patience)
        m.submodules.frames_out = answers = FrameSender(spec.m_width, beats(spec.outputs, spec.m_width))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            frames.data.eq(receiver.data),
            frames.valid.eq(receiver.valid),
            frames.broken.eq(receiver.broken),
            frames.answered.eq(answers.answered),
            answers.damaged.eq(frames.damaged),
            transmitter.bytes.payload.eq(answers.bytes.payload),
            transmitter.bytes.valid.eq(answers.bytes.valid),
            answers.bytes.ready.eq(transmitter.bytes.ready),
            self.tx.eq(transmitter.tx),
        ]
        m.submodules.top = Instance(
            "top", i_clk=self.clk, i_rst=reset,
            i_s_tdata=frames.beats.payload, i_s_tvalid=frames.beats.valid, i_s_tlast=frames.last,
            o_s_tready=frames.beats.ready, o_m_tdata=answers.beats.payload, o_m_tvalid=answers.beats.valid,
            o_m_tlast=Signal(name="m_tlast"), i_m_tready=answers.beats.ready,
        )  # fmt: skip
        return m
