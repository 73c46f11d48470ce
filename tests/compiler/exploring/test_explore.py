"""nc explore on a small network: a front, a kill and a resume, and the mistakes a user makes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from nc.compiler import explore
from nc.compiler.cli.main import run
from nc.compiler.exploring.goals import dominates

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "digits_mlp.onnx"
SPACE = """
parameters:
  quantise.weight_bits: [2, 4, 8]
  quantise.activation_bits: [3, 8]
objectives: {agreement: max, adder_bits: min}
constraints: [agreement >= 0.3]
fidelity: estimate
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.integers(0, 17, (200, 64)))
    (tmp_path / "space.yaml").write_text(SPACE)
    return [
        "explore", str(DIGITS), "--target", "fpga", "--data", str(tmp_path / "data.npz"),
        "--space", str(tmp_path / "space.yaml"), "-o", str(tmp_path / "out"), "--json",
    ]  # fmt: skip


def finished(out: Path) -> int:
    """Finished trials in the study's database."""
    if not (out / "study.db").exists():
        return 0
    try:
        with sqlite3.connect(f"file:{out}/study.db?mode=ro", uri=True, timeout=10) as database:
            return int(database.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_killed_and_resumed(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGKILL after the second point: the next run measures the rest, and every point of the space once."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    command = [sys.executable, "-m", "nc.compiler.cli", *arguments]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 120
    while finished(tmp_path / "out") < 2:
        assert first.poll() is None and time.monotonic() < end, "no point was measured"
        time.sleep(0.1)
    os.kill(first.pid, signal.SIGKILL)  # the parent alone: its worker must follow by itself
    first.wait()
    time.sleep(1.5)
    kept = finished(tmp_path / "out")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "points").glob("*/estimate.json")}

    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trials"] == 6 and len(found["points"]) == 6
    assert kept >= 2 and all(path.stat().st_mtime_ns == when for path, when in before.items())
    front = [p["metrics"] for p in found["front"]]
    wanted = {"agreement": "max", "adder_bits": "min"}
    assert front and all(m["agreement"] >= 0.3 for m in front)
    for point in found["points"]:
        metrics = point["metrics"]
        assert metrics["agreement"] < 0.3 or any(
            dominates(m, metrics, wanted) or all(m[k] == metrics[k] for k in wanted) for m in front
        )
    assert all((Path(p["build"]) / "manifest.json").is_file() for p in found["front"])
    assert json.loads((tmp_path / "out" / "results.json").read_text())["front"] == found["front"]

    (tmp_path / "space.yaml").write_text(SPACE.replace("0.3", "0.2"))
    assert run(arguments[:-1]) == 1
    assert "error[NC441]: the folder must hold the same exploration" in capsys.readouterr().err


def test_mistakes_before_any_work(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "space.yaml"
    arguments.remove("--json")
    path.write_text(SPACE.replace("weight_bits", "weight_bit"))
    assert run(arguments) == 2
    assert "'quantise.weight_bit' must be a key of the configuration" in capsys.readouterr().err
    path.write_text(SPACE.replace("agreement: max", "accuracy: max"))
    assert run(arguments) == 1
    assert "error[NC408]: labels must be present, not missing" in capsys.readouterr().err
    path.write_text(SPACE)
    assert run([*arguments, "--workers", "many"]) == 2
    assert "--workers must be a number from 1 or dask://HOST:PORT, not 'many'" in capsys.readouterr().err


def test_against_the_default_and_on_test_data(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A point below the default is told by its integer model alone; the front is judged on the test data."""
    space = SPACE.replace("[2, 4, 8]", "[2, 8]").replace("[3, 8]", "[7, 8]").replace(">= 0.3", ">= default")
    (tmp_path / "space.yaml").write_text(space)
    np.savez(tmp_path / "test.npz", x=np.random.default_rng(1).integers(0, 17, (100, 64)))
    assert run([*arguments, "--test", str(tmp_path / "test.npz")]) == 0
    found = json.loads(capsys.readouterr().out)
    least = found["baseline"]["metrics"]["agreement"]
    assert found["trials"] == 4 and found["constraints"] == [f"agreement >= {least:g}"]
    for point in found["points"]:
        worse = point["metrics"]["agreement"] < least
        assert point["fidelity"] == ("integer" if worse else "estimate")
        assert ("adder_bits" in point["metrics"]) == (not worse)
    assert {p["fidelity"] for p in found["points"]} == {"integer", "estimate"}
    for judged in (*found["front"], found["baseline"]):
        share = judged["test"]["agreement"]
        report = json.loads((Path(judged["build"]) / "reports" / "eval.json").read_text())
        assert judged["test"]["samples"] == 100 and report["agreement"] == share
        assert judged["test"]["standard_error"] == pytest.approx((share * (1 - share) / 100) ** 0.5, abs=1e-4)

    arguments = [*arguments[:-2], str(tmp_path / "other"), "--set", "quantise.layers.fc9.weight_bits=3"]
    assert run(arguments) == 1
    assert "error[NC446]: the default options must compile to be compared with, not be refused: " in (
        capsys.readouterr().err
    )


TINY = """<ir_version: 8, opset_import: ["": 13]> tiny (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, -2.3, 3.1, 1.2}> { h = MatMul(x, w) r = Relu(h) y = MatMul(r, w) }"""


def test_only_what_no_estimate_beats_is_synthesised(tmp_path: Path) -> None:
    onnx.save(onnx.parser.parse_model(TINY), tmp_path / "tiny.onnx")
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).integers(0, 256, (400, 2)))
    space = {
        "parameters": {"quantise.weight_bits": [2, 4, 6], "quantise.activation_bits": [3, 7]},
        "objectives": {"agreement": "max", "luts": "min"},
        "screen": "adder_bits",
        "slack": 1,
    }
    found = explore(tmp_path / "tiny.onnx", target="fpga", data=tmp_path / "data.npz", space=space,
                    output=tmp_path / "out")  # fmt: skip
    assert found.trials == len(found.points) == 6
    wanted = {"agreement": "max", "adder_bits": "min"}
    everything = [found.baseline["metrics"], *(p["metrics"] for p in found.points)]
    fidelities = [p["fidelity"] for p in found.points]
    assert set(fidelities) == {"estimate", "synth"}
    for point in found.points:
        best = not any(dominates(m, point["metrics"], wanted) for m in everything)
        assert point["fidelity"] == "synth" or not best
        assert ("luts" in point["metrics"]) == (point["fidelity"] == "synth")
    assert found.front and all(p["fidelity"] == "synth" for p in found.front)
