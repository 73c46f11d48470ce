"""A build's `top` on a board: a clock pin, a serial line, a complete bitstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nc.backends.backend import SynthesisRequest
from nc.backends.synth.boards import BoardPins, find_board
from nc.backends.synth.synthesise import DEFAULT_LIMIT_S, synthesise
from nc.hdl.board import Board
from nc.hdl.uart import divisor
from nc.hdl.verilog import to_verilog
from nc.ir.diagnostics import fail
from nc.ir.serial import BAUD
from nc.ir.stream import StreamSpec

PATIENCE_S = 0.25
"""Seconds of silence after which a frame is given up: more than an adapter to USB ever pauses."""


def board_verilog(spec: StreamSpec, board: BoardPins, patience_s: float = PATIENCE_S) -> str:
    """The module `board` around a `top` with the streams of `spec`."""
    cycles = divisor(board.clock_hz, BAUD)
    design = Board(spec, cycles, round(patience_s * board.clock_hz))
    return to_verilog(design, design.ports, name="board")


def synthesise_on_board(
    files: Sequence[Path], spec: StreamSpec, board: BoardPins, request: SynthesisRequest
) -> Mapping[str, object]:
    """Synthesise, place, route and pack; the figures are of the whole chip.

    Writes board.v and the pins beside the netlists in `request.out_dir`. Raises NcError: NC530 when the placed design
    is slower than the board's clock, and what `synthesise` raises.
    """
    folder = request.out_dir
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "board.v"
    wrapper.write_text(board_verilog(spec, board))
    option, name, text = board.constraints
    (folder / name).write_text(text)
    result = synthesise(
        [*files, wrapper], "board", board.device, pnr=True, out_dir=folder, seed=request.seed,
        limit_s=request.limit_s or DEFAULT_LIMIT_S, constraints=(option, name),
    )  # fmt: skip
    clock = board.clock_hz / 1e6
    if result.fmax_mhz is not None and result.fmax_mhz < clock:
        fail("NC530", f"the design must run at the {clock:g} MHz of {board.name}, and it reaches {result.fmax_mhz} MHz",
             help="more pipeline stages make it faster: compile with --set pipeline.stages=4")  # fmt: skip
    return {**result.to_json(), "board": board.name, "clock_mhz": clock, "baud": BAUD}


def synthesise_build(
    files: Sequence[Path], device: str, request: SynthesisRequest, goal: str = "area"
) -> Mapping[str, object]:
    """The `top` of a build, alone on `device` (or in standard cells), or whole on the board that was asked for."""
    if request.board is not None:
        assert request.stream is not None
        return synthesise_on_board(files, request.stream, find_board(request.board), request)
    return synthesise(
        files, "top", device, pnr=request.pnr, out_dir=request.out_dir, liberty=request.liberty, seed=request.seed,
        limit_s=request.limit_s or DEFAULT_LIMIT_S, goal=goal,
    ).to_json()  # fmt: skip
