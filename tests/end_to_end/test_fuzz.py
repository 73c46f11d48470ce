"""Mutated files through every reader (tests/fuzzing.py): nothing but diagnostics, quickly, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ("onnx", "data", "config", "space", "netlist", "liberty", "sfq_cells", "deck", "results")


def fuzz(count: int, seed: int, *readers: str) -> dict[str, Any]:
    """The driver's result, in a process of its own for its limit on memory."""
    only = [word for reader in readers for word in ("--only", reader)]
    command = [sys.executable, str(ROOT / "tests" / "fuzzing.py"), "--json", "--count", str(count), "--seed", str(seed)]
    done = subprocess.run(
        [*command, *only],
        stdout=subprocess.PIPE, text=True, timeout=3000,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def shown(found: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(row["reader"], finding) for row in found["rows"] for finding in row["findings"]]


def test_a_few_mutations() -> None:
    found = fuzz(60, 0, *QUICK)
    assert shown(found) == []
    assert found["inputs"] == 60 * len(QUICK)
    for row in found["rows"]:  # the mutations are neither all harmless nor all hopeless
        assert row["outcomes"].get("read", 0) < 60 and row["slowest_s"] < 10, row


@pytest.mark.slow
def test_ten_thousand_mutations() -> None:
    found = fuzz(1000, 1)
    assert shown(found) == []
    assert found["inputs"] >= 10_000
    assert all(row["slowest_s"] < 10 and row["grown_mb"] < 2048 for row in found["rows"])
