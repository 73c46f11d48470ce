"""`nc demo`: the whole flow on the digits network, to a bitstream, in one command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_demonstration(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nc.compiler.cli", "demo", "-o", str(tmp_path / "build"), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["simulate"]["vectors"] == 360 and found["simulate"]["mismatches"] == 0
    assert found["simulate"]["accuracy"] == found["eval"]["accuracy"]
    assert found["eval"]["accuracy"] > 0.94
    assert found["synth"]["fmax_mhz"] > 40
    assert (tmp_path / "build/reports/synth" / found["synth"]["bitstream"]).stat().st_size > 100_000
