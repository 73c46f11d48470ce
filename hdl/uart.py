"""A serial line, 8N1: one start bit, eight data bits with the low one first, one stop bit; the line rests high."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

BITS = 8


def divisor(clock_hz: float, baud: int) -> int:
    """Clock cycles a bit. A whole number of cycles must come within 2 % of the bit, which 8N1 bears."""
    cycles = round(clock_hz / baud)
    if cycles < 4 or abs(clock_hz / cycles / baud - 1) > 0.02:
        raise ValueError(f"{baud} baud cannot be made from a clock of {clock_hz:g} Hz")
    return cycles


class Receiver(wiring.Component):
    """Bytes of the line `rx`, each valid for one cycle; one whose stop bit is missing sets `broken` instead."""

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "data": Out(BITS), "valid": Out(1), "broken": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        level = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, level, init=1)
        first = self.divisor + self.divisor // 2
        timer, left = Signal(range(first)), Signal(range(BITS + 1))
        m.d.sync += [self.valid.eq(0), self.broken.eq(0)]
        with m.FSM():
            with m.State("REST"):
                # The middle of the first data bit is one and a half bits behind the edge of the start bit.
                m.d.sync += [timer.eq(first - 1), left.eq(BITS)]
                with m.If(~level):
                    m.next = "BITS"
            with m.State("BITS"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.d.sync += [self.valid.eq(level), self.broken.eq(~level)]
                        m.next = "STOP"
                    with m.Else():
                        m.d.sync += self.data.eq(Cat(self.data[1:], level))
            with m.State("STOP"), m.If(level):
                m.next = "REST"
        return m


class Transmitter(wiring.Component):
    """Puts the bytes of the stream `bytes` on the line `tx`."""

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"bytes": In(stream.Signature(BITS)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer, left = Signal(range(self.divisor)), Signal(range(BITS + 3))
        rest = Signal(BITS + 1)
        m.d.comb += self.bytes.ready.eq(left == 0)
        with m.If(self.bytes.valid & self.bytes.ready):
            # The start bit goes out at once; the stop bit is the one behind the byte.
            m.d.sync += [self.tx.eq(0), rest.eq(Cat(self.bytes.payload, 1))]
            m.d.sync += [left.eq(BITS + 2), timer.eq(self.divisor - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [left.eq(left - 1), timer.eq(self.divisor - 1)]
            with m.If(left != 1):
                m.d.sync += [self.tx.eq(rest[0]), rest.eq(Cat(rest[1:], 1))]
        return m
