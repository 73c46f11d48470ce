"""Whole networks on boards: a bitstream that fits, and every image through the pins of its serial port."""

from __future__ import annotations

import runpy
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
@pytest.mark.parametrize(
    ("target", "model", "options"),
    [
        ("threshold", "TFC_1W1A.onnx", ["input.0.bits=8", "input.0.scale=1/255", "array.pes=4", "output=argmax"]),
        ("neuromorphic", "net.nir", []),
    ],
)
def test_every_target_with_streams_goes_onto_a_board(
    tmp_path: Path, target: str, model: str, options: list[str]
) -> None:
    """An array and a spiking core answer at the pins as their golden models do."""
    runpy.run_path(str(EXAMPLES.parent / "tests" / "docs_models.py"))["write"](target, tmp_path)
    made = compile(tmp_path / model, target=target, output=tmp_path / "build", set=options)
    found = simulate_board(made.build.folder, board="ulx3s_85f", vectors=4)
    assert (found.vectors, found.mismatches, found.repeats) == (4, 0, 0)


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
