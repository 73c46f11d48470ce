"""The quick form of the printed table: one dataset from data to mapped circuits, by the command that users run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_quick_table(shared: Path) -> None:
    command = [sys.executable, "benchmarks/printed.py", "--quick", "--json", "--data", str(shared / "data" / "printed")]
    path = os.pathsep.join([str(ROOT / ".typing"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["model"].split()[0].rstrip(",") for row in rows] == ["mlp", "tree", "svm"]
    mlp, tree, _ = rows
    # One seed of a short search: three standard errors of the published accuracy, half of its area.
    assert all(row["accuracy"] > row["published_accuracy"] - 3 * row["standard_error"] for row in rows)
    assert mlp["area_cm2"] <= 0.5 * mlp["published_area_cm2"]
    assert tree["area_cm2"] <= 0.2 * tree["published_area_cm2"]
    assert all(row["power_mw_0v6"] < row["power_mw_1v0"] for row in rows)
