"""A board on a serial port: vectors go out as frames, and their outputs come back (`nc.ir.serial`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc.ir.diagnostics import ToolMissing, fail
from nc.ir.serial import START, bytes_of, crc8, frame
from nc.ir.stream import IntArray, StreamSpec, pack, unpack

TRIES = 3


@dataclass
class SerialLine:
    """An open port to a board whose `top` has the streams of `spec`. `repeats`: frames that had to be sent again."""

    port: Any
    spec: StreamSpec
    repeats: int = field(default=0, init=False)

    def run(self, inputs: Sequence[IntArray], advance: Callable[[], None] = lambda: None) -> list[IntArray]:
        """One array (N, *shape) a tensor through the board, one vector after another. Raises NcError NC531."""
        spec = self.spec
        words = pack(inputs, spec.inputs, spec.s_width)
        found = np.empty((len(words), spec.m_beats, bytes_of(spec.m_width)), np.uint8)
        for vector, beats in enumerate(words):
            answer = self._exchange(frame(beats.tobytes()), found[vector].size, vector)
            found[vector] = np.frombuffer(answer, np.uint8).reshape(found.shape[1:])
            advance()
        return unpack(found, spec.outputs, spec.m_width)

    def _exchange(self, request: bytes, size: int, vector: int) -> bytes:
        """The payload of the answer to `request`, asked for again after a damaged one."""
        for _ in range(TRIES):
            self.port.reset_input_buffer()
            self.port.write(request)
            answer = bytes(self.port.read(size + 2))
            payload = answer[1:-1]
            if len(answer) == size + 2 and answer[0] == START and answer[-1] == crc8(payload):
                return payload
            self.repeats += 1
        told = f"{len(answer)} bytes" if len(answer) < size + 2 else "a frame that does not check"
        return fail(
            "NC531",
            f"the board must answer vector {vector} with a frame of {size + 2} bytes, not with {told}, {TRIES} times",
            help="is the bitstream of this build on the board, and is the port its port?",
        )


@contextmanager
def open_line(port: str, spec: StreamSpec, baud: int, timeout_s: float) -> Iterator[SerialLine]:
    """The board at `port`, a device file or a COM port. `timeout_s`: longest wait for an answer.

    Raises ToolMissing without pyserial, NcError NC531 for a port that cannot be opened.
    """
    try:
        import serial
    except ImportError:
        fail("NC500", "pyserial is needed to talk to a board, and it is not installed", help="pip install pyserial",
             kind=ToolMissing)  # fmt: skip
    try:
        opened = serial.Serial(port, baud, timeout=timeout_s, write_timeout=timeout_s)
    except (serial.SerialException, OSError, ValueError) as error:
        fail("NC531", f"the port '{port}' must be a serial port that can be opened ({error})",
             help="python -m serial.tools.list_ports lists those of this computer")  # fmt: skip
    with opened:
        try:
            yield SerialLine(opened, spec)
        except serial.SerialException as error:
            fail("NC531", f"the board at '{port}' must stay connected ({error})")
