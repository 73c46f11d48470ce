"""The serial line and its frames, in Amaranth's simulator: what goes in comes out, and damage is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator, SimulatorContext
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.hdl.uart import Receiver, Transmitter, divisor
from nc.hdl.uart_bridge import FrameReceiver, FrameSender, crc_step
from nc.ir.serial import START, crc8, frame

DIVISOR = 5
PATIENCE = 400


def echo(width: int, count: int) -> tuple[Module, Receiver, Transmitter]:
    """A device that answers each vector with itself."""
    m = Module()
    m.submodules.receiver = receiver = Receiver(DIVISOR)
    m.submodules.transmitter = transmitter = Transmitter(DIVISOR)
    m.submodules.frames = frames = FrameReceiver(width, count, PATIENCE)
    m.submodules.answers = answers = FrameSender(width, count)
    # The sender waits for START to go out while the first beat is offered: one beat is kept.
    held, full = Signal(width), Signal()
    m.d.comb += [
        frames.data.eq(receiver.data), frames.valid.eq(receiver.valid), frames.broken.eq(receiver.broken),
        frames.answered.eq(answers.answered), answers.damaged.eq(frames.damaged),
        frames.beats.ready.eq(~full), answers.beats.valid.eq(full), answers.beats.payload.eq(held),
        transmitter.bytes.payload.eq(answers.bytes.payload), transmitter.bytes.valid.eq(answers.bytes.valid),
        answers.bytes.ready.eq(transmitter.bytes.ready),
    ]  # fmt: skip
    with m.If(frames.beats.valid & frames.beats.ready):
        m.d.sync += [held.eq(frames.beats.payload), full.eq(1)]
    with m.Elif(answers.beats.valid & answers.beats.ready):
        m.d.sync += full.eq(0)
    return m, receiver, transmitter


def levels(sent: bytes, broken: int | None = None) -> list[int]:
    """The line, a level a bit; byte `broken` lacks its stop bit."""
    out = [1, 1]
    for i, byte in enumerate(sent):
        out += [0, *(byte >> b & 1 for b in range(8)), int(i != broken), 1]
    return out


def talk(width: int, count: int, line: Sequence[int], quiet: int) -> bytes:
    """What the echo answers to `line` and `quiet` cycles of rest."""
    m, receiver, transmitter = echo(width, count)
    heard: list[int] = []

    async def bench(ctx: SimulatorContext) -> None:
        seen: list[int] = []
        for level in [*line, *[1] * (quiet // DIVISOR)]:
            ctx.set(receiver.rx, level)
            for _ in range(DIVISOR):
                await ctx.tick()
                seen.append(ctx.get(transmitter.tx))
        place = 0
        while 0 in seen[place:]:
            start = seen.index(0, place)
            bits = [seen[start + DIVISOR // 2 + DIVISOR * i] for i in range(1, 10)]
            assert bits[8] == 1
            heard.append(sum(bit << i for i, bit in enumerate(bits[:8])))
            place = start + DIVISOR // 2 + DIVISOR * 9

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return bytes(heard)


@pytest.mark.parametrize(("width", "count"), [(8, 3), (5, 2), (20, 1), (24, 2)])
def test_a_frame_is_answered_by_its_beats(width: int, count: int) -> None:
    size = -(-width // 8)
    payload = bytes((37 * i + 11) & (2 ** (width % 8 or 8) - 1 if i % size == size - 1 else 255)
                    for i in range(count * size))  # fmt: skip
    twice = frame(payload)
    answer = talk(width, count, levels(twice), 11 * DIVISOR * (len(twice) + 4))
    assert answer == frame(payload)


def test_a_wrong_check_byte_is_told_and_the_next_frame_is_right() -> None:
    good = frame(b"\x01\x02")
    rest = 11 * DIVISOR * 8
    line = [*levels(good[:-1] + bytes([good[-1] ^ 4])), *[1] * (rest // DIVISOR), *levels(good)]
    answer = talk(8, 2, line, rest)
    assert answer == good[:-1] + bytes([good[-1] ^ 0xFF]) + good


def test_a_missing_stop_bit_is_told() -> None:
    good = frame(b"\x01\x02")
    answer = talk(8, 2, levels(good, broken=1), 11 * DIVISOR * 8)
    assert len(answer) == 4 and answer[-1] != crc8(answer[1:-1])


def test_a_frame_that_stops_is_given_up_and_told() -> None:
    good = frame(b"\x01\x02\x03")
    line = [*levels(good[:2]), *[1] * ((PATIENCE + 11 * DIVISOR * 8) // DIVISOR), *levels(good)]
    answer = talk(8, 3, line, 11 * DIVISOR * 8)
    assert answer[0] == START and answer[4] != crc8(answer[1:4])
    assert answer[5:] == good


def test_noise_between_frames_is_not_answered() -> None:
    good = frame(b"\x55")
    assert talk(8, 1, levels(b"\x00\x13" + good), 11 * DIVISOR * 6) == good


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.binary(min_size=1, max_size=6))
def test_gates_and_program_have_one_check_byte(data: bytes) -> None:
    m = Module()
    crc = Signal(8)
    byte, after = Signal(8), Signal(8)
    m.d.comb += after.eq(crc_step(crc, byte))
    m.d.sync += crc.eq(after)

    async def bench(ctx: SimulatorContext) -> None:
        for value in data:
            ctx.set(byte, value)
            await ctx.tick()
        assert ctx.get(crc) == crc8(data)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_divisors() -> None:
    assert divisor(12e6, 115200) == 104
    assert divisor(25e6, 115200) == 217
    with pytest.raises(ValueError, match="115200 baud cannot be made from a clock of 200000 Hz"):
        divisor(200e3, 115200)
