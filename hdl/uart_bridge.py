"""Vectors over a serial line: frames of bytes (`nc.ir.serial`) on one side, the AXI4-Streams of a `top` on the other.

    rx -> START, beats, CRC-8 -> s_* -> top -> m_* -> START, beats, CRC-8 -> tx

The last beat of a vector waits for its CRC, so that all that follows is known to be right or wrong: the answer to a
frame that came damaged (a wrong CRC, a broken byte, a byte too early for the design) has its own CRC inverted. A frame
that stops half-way is filled up after `patience` cycles and answered so too; both sides are then in step again.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from nc.ir.serial import CRC_POLYNOMIAL, START, bytes_of


def crc_step(crc: Value, data: Value) -> Value:
    """The CRC-8 after one more byte: eight steps of the shift register, as gates."""
    bits = list(crc ^ data)
    for _ in range(8):
        top = bits[-1]
        shifted = [top, *bits[:-1]]
        bits = [bit ^ top if i and CRC_POLYNOMIAL >> i & 1 else bit for i, bit in enumerate(shifted)]
    return Cat(*bits)


class FrameReceiver(wiring.Component):
    """Bytes to the beats of one vector a frame, on the stream `beats`. `damaged` is right from the last beat on, until
    `answered`; bytes that come before that are not taken."""

    def __init__(self, width: int, count: int, patience: int) -> None:
        self.width, self.count, self.patience = width, count, patience
        super().__init__({
            "data": In(8), "valid": In(1), "broken": In(1), "answered": In(1),
            "damaged": Out(1), "last": Out(1), "beats": Out(stream.Signature(width)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = bytes_of(self.width)
        beat, crc = Signal(size * 8), Signal(8)
        place, number = Signal(range(size)), Signal(range(self.count))
        quiet = Signal(range(self.patience + 1))
        late, arrived = Signal(), Signal()
        m.d.comb += [
            self.last.eq(number == self.count - 1),
            self.beats.payload.eq(beat),
            late.eq(quiet == self.patience),
            arrived.eq(self.valid | self.broken | late),  # what a frame lacks arrives as anything
        ]
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [self.damaged.eq(0), crc.eq(0), place.eq(0), number.eq(0), quiet.eq(0)]
                with m.If(self.valid & (self.data == START)):
                    m.next = "BYTES"
            with m.State("BYTES"):
                self._wait(m, quiet, late)
                with m.If(arrived):
                    m.d.sync += [beat.eq(Cat(beat, self.data)[8:]), crc.eq(crc_step(crc, self.data))]
                    m.d.sync += place.eq(Mux(place == size - 1, 0, place + 1))
                    with m.If(place == size - 1):
                        with m.If(self.last):
                            m.next = "CRC"
                        with m.Else():
                            m.next = "BEAT"
            with m.State("CRC"):
                self._wait(m, quiet, late)
                with m.If(arrived):
                    with m.If(self.data != crc):
                        m.d.sync += self.damaged.eq(1)
                    m.next = "BEAT"
            with m.State("BEAT"):
                m.d.comb += self.beats.valid.eq(1)
                with m.If(self.valid):  # the design has not taken the beat before the next byte
                    m.d.sync += self.damaged.eq(1)
                with m.If(self.beats.ready):
                    m.d.sync += number.eq(number + 1)
                    with m.If(self.last):
                        m.next = "ANSWER"
                    with m.Else():
                        m.next = "BYTES"
            with m.State("ANSWER"), m.If(self.answered):
                m.next = "REST"
        return m

    def _wait(self, m: Module, quiet: Signal, late: Signal) -> None:
        with m.If(self.valid):
            m.d.sync += quiet.eq(0)
        with m.Elif(~late):
            m.d.sync += quiet.eq(quiet + 1)
        with m.If(self.broken | late):
            m.d.sync += self.damaged.eq(1)


class FrameSender(wiring.Component):
    """The beats of one vector a frame to bytes; `answered` for one cycle with its last byte."""

    def __init__(self, width: int, count: int) -> None:
        self.width, self.count = width, count
        super().__init__({
            "beats": In(stream.Signature(width)), "damaged": In(1),
            "answered": Out(1), "bytes": Out(stream.Signature(8)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = bytes_of(self.width)
        beat, crc = Signal(size * 8), Signal(8)
        place, number = Signal(range(size)), Signal(range(self.count))
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [crc.eq(0), place.eq(0), number.eq(0)]
                m.d.comb += [self.bytes.payload.eq(START), self.bytes.valid.eq(self.beats.valid)]
                with m.If(self.bytes.valid & self.bytes.ready):
                    m.next = "BEAT"
            with m.State("BEAT"):
                m.d.comb += self.beats.ready.eq(1)
                with m.If(self.beats.valid):
                    m.d.sync += beat.eq(self.beats.payload)
                    m.next = "BYTES"
            with m.State("BYTES"):
                m.d.comb += [self.bytes.payload.eq(beat[:8]), self.bytes.valid.eq(1)]
                with m.If(self.bytes.ready):
                    m.d.sync += [beat.eq(beat >> 8), crc.eq(crc_step(crc, beat[:8]))]
                    m.d.sync += place.eq(Mux(place == size - 1, 0, place + 1))
                    with m.If(place == size - 1):
                        m.d.sync += number.eq(number + 1)
                        with m.If(number == self.count - 1):
                            m.next = "CRC"
                        with m.Else():
                            m.next = "BEAT"
            with m.State("CRC"):
                m.d.comb += [self.bytes.payload.eq(crc ^ self.damaged.replicate(8)), self.bytes.valid.eq(1)]
                with m.If(self.bytes.ready):
                    m.d.comb += self.answered.eq(1)
                    m.next = "REST"
        return m
