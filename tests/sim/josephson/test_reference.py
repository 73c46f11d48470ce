"""Pulse times against a stored reference (a tenth of the step), and against JoSIM where it is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nc.backends.sfq.circuits import cell, deck
from nc.ir.diagnostics import ToolMissing
from nc.sim import tools

HERE = Path(__file__).parent
STEP = 0.1


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", HERE / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _load()
REFERENCE = json.loads((HERE / "reference_pulses.json").read_text())


@pytest.mark.parametrize("name", list(REFERENCE))
def test_pulse_times_within_one_step_of_the_reference(name: str) -> None:
    found = made.pulses(name, STEP)
    for pin, times in REFERENCE[name].items():
        assert times, "the reference must hold pulses"
        np.testing.assert_allclose(found[pin], times, atol=STEP)


@pytest.mark.parametrize("name", list(REFERENCE))
def test_pulse_times_within_one_step_of_josim(name: str, tmp_path: Path) -> None:
    """Where `josim-cli` is missing (it is optional), asking for it says so."""
    if shutil.which("josim-cli") is None:
        with pytest.raises(ToolMissing):
            tools.require("josim-cli")
        return
    applied, outputs = made.BENCHES[name]
    text = deck([("u", name, {p: p for p in cell(name)["pins"]})], applied, outputs, stop=320.0, step=STEP)
    (tmp_path / "bench.cir").write_text(text)
    subprocess.run(["josim-cli", "-o", "out.csv", "bench.cir"], cwd=tmp_path, check=True, capture_output=True)
    rows = np.genfromtxt(tmp_path / "out.csv", delimiter=",", skip_header=1)
    for column, pin in enumerate(outputs, 1):
        turns = np.floor(rows[:, column] / (2 * np.pi) - 0.5)
        at = np.flatnonzero(np.diff(np.maximum.accumulate(turns)) > 0)
        np.testing.assert_allclose(made.pulses(name, STEP)[pin], rows[at + 1, 0] * 1e12, atol=STEP)
