"""Vectors through a serial line: a simulated board in Verilator, and lines that misbehave."""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import nc.compiler
from nc.compiler.driver.hosting import host, simulate_board
from nc.compiler.driver.serial_line import open_line
from nc.ir.diagnostics import NcError, UsageError
from nc.ir.serial import crc8, frame
from nc.ir.stream import StreamSpec, TensorPort
from nc.sim import engine
from nc.sim.bench import stream_of

SPEC = StreamSpec((TensorPort("x", (2,), 6, False),), (TensorPort("y", (2,), 7, True),), s_width=12, m_width=7)
"""One beat of two bytes in, two of one byte out."""

Answer = Callable[[int, bytes], bytes]


@contextmanager
def line(answer: Answer) -> Iterator[str]:
    """A port whose other end says `answer(number, request)` to every request of four bytes."""
    master, slave = os.openpty()
    tty.setraw(slave)

    def serve() -> None:
        number, held = 0, b""
        try:
            while True:
                held += os.read(master, 64)
                while len(held) >= 4:
                    os.write(master, answer(number, held[:4]))
                    number, held = number + 1, held[4:]
        except OSError:
            return  # closed

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(slave)
        thread.join(2)
        os.close(master)


def negated(number: int, request: bytes) -> bytes:
    """y = -x, from the bytes of the request."""
    del number
    assert request[3] == crc8(request[1:3])
    word = int.from_bytes(request[1:3], "little")
    return frame(bytes(-(word >> shift & 63) & 127 for shift in (0, 6)))


X = np.array([[1, 2], [63, 0], [40, 41]])


def test_what_goes_out_comes_back() -> None:
    with line(negated) as port, open_line(port, SPEC, 115200, 5) as open_port:
        (y,) = open_port.run([X])
        assert open_port.repeats == 0
    np.testing.assert_array_equal(y, -X)


def test_a_damaged_answer_is_asked_for_again() -> None:
    def damaged(number: int, request: bytes) -> bytes:
        right = negated(number, request)
        return right[:-1] + bytes([right[-1] ^ 0xFF]) if number == 1 else right

    with line(damaged) as port, open_line(port, SPEC, 115200, 5) as open_port:
        (y,) = open_port.run([X])
        assert open_port.repeats == 1
    np.testing.assert_array_equal(y, -X)


def test_a_silent_board_is_told() -> None:
    with line(lambda number, request: b"") as port, pytest.raises(NcError) as caught, \
            open_line(port, SPEC, 115200, 0.05) as open_port:  # fmt: skip
        open_port.run([X])
    assert str(caught.value) == (
        "error[NC531]: the board must answer vector 0 with a frame of 4 bytes, not with 0 bytes, 3 times\n"
        "  help: is the bitstream of this build on the board, and is the port its port?"
    )


def test_a_port_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(NcError, match="the port 'nowhere' must be a serial port that can be opened"), \
            open_line("nowhere", SPEC, 115200, 1):  # fmt: skip
        pass


@pytest.fixture
def build(tmp_path: Path, model: Path) -> Path:
    return nc.compiler.compile(
        model, target="fpga", output=tmp_path / "build", set=["io.width=8", "pipeline.stages=1"]
    ).build.folder


def test_another_design_than_the_build_is_noticed(build: Path, data: Path) -> None:
    """A board that answers every vector with zeros."""
    spec = stream_of(build)
    assert spec is not None and (spec.s_width, spec.s_beats) == (8, 2)  # a request of four bytes, as `line` expects
    zeros = frame(bytes(spec.m_beats))
    with line(lambda number, request: zeros) as port:
        found = host(build, data, port=port, vectors=5)
    assert found.vectors == 5
    assert found.mismatches > 0 and found.first_mismatch is not None


@pytest.mark.slow
def test_builds_without_streams_have_no_board(tmp_path: Path, model: Path) -> None:
    build = nc.compiler.compile(model, target="sfq", output=tmp_path / "sfq", set=["output=argmax"]).build.folder
    with pytest.raises(UsageError, match="builds of target sfq have none"):
        simulate_board(build, board="icebreaker")


@pytest.mark.skipif(not engine.available("verilator"), reason="Verilator with cocotb is not here")
def test_a_simulated_board_answers_as_the_golden_model(build: Path, data: Path) -> None:
    found = simulate_board(build, data, board="icebreaker", vectors=6)
    assert (found.board, found.vectors, found.mismatches, found.repeats) == ("icebreaker", 6, 0, 0)
    assert found.accuracy is not None
