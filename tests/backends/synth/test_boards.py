"""Boards: the pins that the vendor's tables name, and constraints that nextpnr reads."""

from __future__ import annotations

import pytest

from nc.backends.synth.boards import BOARDS, find_board
from nc.backends.synth.devices import DEVICES
from nc.ir.diagnostics import UsageError


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_a_clock_and_a_line(name: str) -> None:
    board = find_board(name)
    assert set(board.pins) == {"clk", "rx", "tx"}
    assert len({pin.place for pin in board.pins.values()}) == 3
    assert board.device.luts == DEVICES[BOARDS[name][2]].luts
    assert board.clock_hz >= 12e6


def test_constraints_of_an_ice40() -> None:
    assert find_board("icebreaker").constraints == (
        "--pcf", "board.pcf", "set_io clk 35\nset_io -pullup yes rx 6\nset_io -pullup yes tx 9\n",
    )  # fmt: skip


def test_constraints_of_an_ecp5() -> None:
    option, name, text = find_board("ulx3s_85f").constraints
    assert (option, name) == ("--lpf", "board.lpf")
    assert 'LOCATE COMP "clk" SITE "G2";\nIOBUF PORT "clk" IO_TYPE=LVCMOS33;\n' in text
    assert text.endswith('FREQUENCY PORT "clk" 25 MHZ;\n')


def test_an_unknown_board_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        find_board("icebraker")
    assert str(caught.value) == (
        f"error[NC529]: the board must be one of {', '.join(BOARDS)}, not 'icebraker'\n"
        "  help: did you mean 'icebreaker'?"
    )
