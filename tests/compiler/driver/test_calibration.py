"""Calibration data that say too little are warned of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.cli.main import run


@pytest.mark.parametrize("count", [5, 1])
def test_equal_samples(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], count: int) -> None:
    """One sample alone is no accident: it is not warned of."""
    np.savez(tmp_path / "flat.npz", x=np.ones((count, 4)))
    given = [
        "compile",
        str(model),
        "-o",
        str(tmp_path / "b"),
        "--target",
        "paper",
        "--calib",
        str(tmp_path / "flat.npz"),
    ]
    assert run(given) == 0
    printed = capsys.readouterr().err
    wanted = (
        "warning[NC311]: samples of the calibration data must differ, not be 5 times the same\n"
        "  --> flat.npz\n"
        "  help: give samples of every class; ranges of activations are taken from them\n"
    )
    assert (wanted in printed) == (count == 5)
    assert ("NC311" in printed) == (count == 5)
