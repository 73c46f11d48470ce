"""A simulated board with a serial port: a pseudo-terminal on the computer's side, the pins `rx` and `tx` on the chip's.

Any program that talks to the real board talks to this one. The port's name is written to `port` in the results folder;
the simulation ends when the program closes the port.
"""

from __future__ import annotations

import errno
import json
import os
import tty
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

CLOCK_NS = 10


class Port:
    """The computer's end of the line. Nothing blocks: the simulator has to go on."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)  # bytes, not lines
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self._slave)
        self._opened = False

    def read(self) -> bytes | None:
        """What the program has sent since; None once it has closed the port."""
        try:
            data = os.read(self.master, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # nobody holds the other end
                return None
            raise
        if not self._opened:
            self._opened = True
            os.close(self._slave)  # from now on the program alone keeps the port open
        return data


async def send(dut: Any, byte: int, bit_ns: int) -> None:
    """One byte into `rx`."""
    for level in (0, *(byte >> i & 1 for i in range(8)), 1):
        dut.rx.value = level
        await Timer(bit_ns, "ns")


async def listen(dut: Any, port: Port, bit_ns: int, found: dict[str, Any]) -> None:
    """Every byte that comes out of `tx`, for ever."""
    while True:
        await FallingEdge(dut.tx)
        await Timer(bit_ns + bit_ns // 2, "ns")
        byte = 0
        for i in range(8):
            byte |= int(dut.tx.value) << i
            await Timer(bit_ns, "ns")
        if not int(dut.tx.value):
            found["violations"].append(f"byte {found['bytes_out']} out has no stop bit")
        os.write(port.master, bytes([byte]))
        found["bytes_out"] += 1


@cocotb.test()
async def board(dut: Any) -> None:
    here = Path(__file__).resolve().parent
    settings = json.loads(Path(os.environ["NC_BENCH_RUN"]).read_text())
    bit_ns = CLOCK_NS * json.loads((here / "bench.json").read_text())["divisor"]
    out = Path(settings["results"])
    found: dict[str, Any] = {"bytes_in": 0, "bytes_out": 0, "violations": []}
    dut.rx.value = 1
    Clock(dut.clk, CLOCK_NS, unit="ns").start()
    await Timer(100 * CLOCK_NS, "ns")
    port = Port()
    cocotb.start_soon(listen(dut, port, bit_ns, found))
    (out / "port.part").write_text(port.name)
    (out / "port.part").rename(out / "port")  # whole, for whoever waits for it
    while (data := port.read()) is not None:
        for byte in data:
            await send(dut, byte, bit_ns)
        found["bytes_in"] += len(data)
        if not data:
            await Timer(bit_ns, "ns")
    cycles = int(cocotb.simtime.get_sim_time("ns")) // CLOCK_NS
    none = {"vectors": 0, "mismatches": 0, "first_mismatch": None, "latency_cycles": None, "ii_cycles": None}
    (out / "results.json").write_text(json.dumps({**none, **found, "cycles": cycles, "seconds": 0.0}) + "\n")
