"""host: data through a board and back, every output compared with the golden model; the board real or simulated."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nc.compiler.data import Data, Dataset
from nc.compiler.driver.forms import Array
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.serial_line import open_line
from nc.compiler.driver.vectors import Vectors, make_vectors
from nc.ir.diagnostics import UsageError, fail
from nc.ir.serial import BAUD
from nc.ir.stream import StreamSpec
from nc.sim.bench import stream_of

TIMEOUT_S = 5.0
SIMULATED_TIMEOUT_S = 120.0
VECTORS = 16
"""Random vectors when there are no data."""


@dataclass(frozen=True)
class Hosted:
    """What a board answered. `mismatches`: vectors of which any output differs from the golden model; `repeats`: frames
    that were damaged on the line and sent again; `accuracy`: of the board's own outputs, None without labels."""

    board: str
    vectors: int
    mismatches: int
    accuracy: float | None
    repeats: int
    first_mismatch: Mapping[str, object] | None
    seconds: float
    samples_per_second: float

    def to_json(self) -> dict[str, object]:
        """The fields of `nc host --json`."""
        return asdict(self)


def host(
    build: Path | str | Opened,
    data: Data | None = None,
    *,
    port: str,
    vectors: int | None = None,
    baud: int = BAUD,
    advance: Callable[[], None] = lambda: None,
) -> Hosted:
    """Send DATA (or random vectors) to the board at the serial `port`, which runs the bitstream of `build`.

    Raises UsageError, ToolMissing without pyserial, NcError NC531 for a board that does not answer.
    """
    opened = build if isinstance(build, Opened) else Opened.of(build)
    return hosted(opened, opened.data(data), port=port, vectors=vectors, baud=baud, advance=advance)[0]


def hosted(
    opened: Opened,
    samples: Dataset | None,
    *,
    port: str,
    vectors: int | None = None,
    baud: int = BAUD,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Hosted, Mapping[str, Array]]:
    """The same, with what the board answered: (N, *shape) by port name."""
    spec, drawn = _prepare(opened, samples, vectors)
    return _through(opened, spec, samples, drawn, "serial", port, baud, TIMEOUT_S, advance)


def simulate_board(
    build: Path | str | Opened,
    data: Data | None = None,
    *,
    board: str,
    vectors: int | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Hosted:
    """The same through the pins of a simulated `board`, with the very module that its bitstream holds.

    Raises NcError NC529 for an unknown board, ToolMissing, ToolFailed.
    """
    from nc.backends.synth.board import board_verilog
    from nc.backends.synth.boards import find_board
    from nc.hdl.uart import divisor
    from nc.sim.board import simulated_board

    opened = build if isinstance(build, Opened) else Opened.of(build)
    pins = find_board(board)
    samples = opened.data(data)
    spec, drawn = _prepare(opened, samples, vectors)
    folder = opened.build.folder / "reports" / f"board-{pins.name}"
    cycles = divisor(pins.clock_hz, BAUD)
    with simulated_board(opened.build.folder, folder, board_verilog(spec, pins), cycles) as port:
        return _through(opened, spec, samples, drawn, pins.name, port, BAUD, SIMULATED_TIMEOUT_S, advance)[0]


def _prepare(opened: Opened, samples: Dataset | None, vectors: int | None) -> tuple[StreamSpec, Vectors]:
    spec = stream_of(opened.build.folder)
    if spec is None:
        fail("NC529", f"the build must have AXI4-Stream ports, and builds of target {opened.build.target} have none",
             kind=UsageError)  # fmt: skip
    if vectors is not None and vectors < 1:
        fail("NC003", f"--vectors must be at least 1, not {vectors}", kind=UsageError)
    count = VECTORS if samples is None and vectors is None else vectors
    return spec, make_vectors(opened.form, opened.integer, opened.staged, samples, count, opened.settings)


def _through(
    opened: Opened, spec: StreamSpec, samples: Dataset | None, drawn: Vectors, board: str, port: str, baud: int,
    timeout_s: float, advance: Callable[[], None],
) -> tuple[Hosted, Mapping[str, Array]]:  # fmt: skip
    inputs, expected = drawn.at(spec)
    with open_line(port, spec, baud, timeout_s) as line:
        begin = time.perf_counter()
        found = line.run(inputs, advance)
        seconds = time.perf_counter() - begin
    wrong = np.zeros(len(drawn), bool)
    for got, wanted in zip(found, expected, strict=True):
        wrong |= (got != wanted).reshape(len(wrong), -1).any(axis=1)
    first = None
    if wrong.any():
        vector = int(wrong.argmax())
        first = {
            "vector": vector,
            "outputs": {
                p.name: {"expected": wanted[vector].tolist(), "got": got[vector].tolist()}
                for p, got, wanted in zip(spec.outputs, found, expected, strict=True)
            },
        }
    accuracy = None
    outputs: dict[str, Array] = {p.name: got for p, got in zip(spec.outputs, found, strict=True)}
    if samples is not None and samples.y is not None:
        accuracy = float(
            np.mean(opened.form.decide(opened.staged, outputs, opened.reference) == samples.y[: len(drawn)])
        )
    result = Hosted(
        board, len(drawn), int(wrong.sum()), accuracy, line.repeats, first, round(seconds, 3),
        round(len(drawn) / seconds, 2),
    )  # fmt: skip
    return result, outputs
