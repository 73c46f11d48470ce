"""Whole networks on boards: a bitstream that fits, and every image through the pins of its serial port."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.driver.compiling import compile
from nc.compiler.driver.hosting import simulate_board
from nc.compiler.driver.synthesising import synth

EXAMPLES = Path(__file__).parents[2] / "examples"
IMAGES = 20


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    sys.modules.pop("datasets", None)
    from datasets import digits as load

    data = load()
    path = tmp_path / "digits.npz"
    np.savez(path, x=data.x_test, y=data.y_test)
    return path


@pytest.mark.slow
def test_digits_bnn_on_an_icebreaker(tmp_path: Path, digits: Path) -> None:
    made = compile(
        EXAMPLES / "digits" / "digits_bnn.onnx", target="fpga", output=tmp_path / "bnn",
        set=["io.width=8", "fit.device=ice40-up5k", "output=argmax", "input.x.bits=5", "input.x.scale=1",
             "input.x.range=[0,16]"],
    )  # fmt: skip
    found = simulate_board(made.build.folder, digits, board="icebreaker", vectors=IMAGES)
    assert (found.vectors, found.mismatches, found.repeats) == (IMAGES, 0, 0)
    assert found.accuracy is not None and found.accuracy >= 0.8
    placed = synth(made.build.folder, board="icebreaker")
    used, available = placed.more["utilisation"]["ICESTORM_LC"]  # type: ignore[index]
    assert used <= available == 5280
    assert placed.fmax_mhz is not None and placed.fmax_mhz >= 12
    assert placed.bitstream == "bitstream.bin"
