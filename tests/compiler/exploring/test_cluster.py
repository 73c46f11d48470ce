"""nc explore on a Dask cluster with PostgreSQL: a killed worker loses nothing, and the front is that of one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "digits_mlp.onnx"
SPACE = """
parameters:
  quantise.weight_bits: [2, 3, 4, 6, 8]
  quantise.activation_bits: [3, 4, 8]
objectives: {agreement: max, adder_bits: min}
constraints: [agreement >= 0.3]
fidelity: estimate
trials: 15
"""
COUNT = sqlalchemy.text("select count(*) from trials where state = 'COMPLETE'")


@pytest.fixture
def database() -> Iterator[str]:
    """A PostgreSQL server of our own."""
    pgserver = pytest.importorskip("pgserver")
    folder = Path(tempfile.mkdtemp(prefix="nc-postgres-"))  # its socket's name must be short
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """HOST:PORT of a Dask scheduler with two workers, each a process that a nanny starts again."""
    pytest.importorskip("distributed")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    ready = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    started = [subprocess.Popen(
        [*dask, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(ready)], **quiet,
    )]  # fmt: skip
    try:
        end = time.monotonic() + 60
        while not ready.exists():
            assert started[0].poll() is None and time.monotonic() < end, "the scheduler did not start"
            time.sleep(0.1)
        address = json.loads(ready.read_text())["address"]
        started.append(subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "2", "--nthreads", "1",
             "--no-dashboard"], **quiet,
        ))  # fmt: skip
        yield address.removeprefix("tcp://")
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


def explore(tmp_path: Path, out: str, *more: str) -> subprocess.Popen[str]:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    command = [
        sys.executable, "-m", "nc.compiler.cli", "explore", str(DIGITS), "--target", "fpga", "--data",
        str(tmp_path / "data.npz"), "--space", str(tmp_path / "space.yaml"), "-o", str(tmp_path / out), "--json", *more,
    ]  # fmt: skip
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> dict[str, list[dict[str, dict[str, float]]]]:
    text, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    found: dict[str, list[dict[str, dict[str, float]]]] = json.loads(text)
    return found


def worker_pids(address: str) -> list[int]:
    from distributed import Client

    with Client(f"tcp://{address}", timeout="20s") as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(2, timeout=60)  # type: ignore[no-untyped-call]
        return list(client.run(os.getpid).values())  # type: ignore[no-untyped-call]


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(tmp_path: Path, database: str, cluster: str) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.integers(0, 17, (200, 64)))
    (tmp_path / "space.yaml").write_text(SPACE)
    pids = worker_pids(cluster)
    assert len(pids) == 2

    engine = sqlalchemy.create_engine(database)
    running = explore(tmp_path, "cluster", "--storage", database, "--workers", f"dask://{cluster}")

    def finished() -> int:
        if not sqlalchemy.inspect(engine).has_table("trials"):
            return 0
        with engine.connect() as connection:
            return int(connection.execute(COUNT).scalar_one())

    end = time.monotonic() + 300
    while finished() < 3:
        assert running.poll() is None and time.monotonic() < end, "no point was measured"
        time.sleep(0.1)
    kept = finished()
    os.kill(pids[0], signal.SIGKILL)
    found = answer(running)
    assert kept >= 3 and finished() >= 15
    engine.dispose()

    alone = answer(explore(tmp_path, "alone"))
    assert found["trials"] == alone["trials"] == 15
    assert [p["metrics"] for p in found["front"]] == [p["metrics"] for p in alone["front"]]
