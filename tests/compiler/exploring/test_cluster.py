"""nc explore on a Dask cluster with PostgreSQL: killed workers lose nothing, and the front is that of one process."""

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

import pytest
import sqlalchemy

EXAMPLES = Path(__file__).parents[3] / "examples"
DIGITS = EXAMPLES / "digits" / "digits_mlp.onnx"
# Half of the example's own space, with the adders' bits in the place of synthesis.
CHEAPER = {"[4, 5, 6, 7]": "[4, 5]", "luts: min": "adder_bits: min", "screen: adder_bits": "fidelity: estimate"}
FINISHED = sqlalchemy.text(
    "select trial_id, string_agg(value_json, ' ' order by key) as found from trials "
    "join trial_user_attributes using (trial_id) where state = 'COMPLETE' group by trial_id"
)


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
    files = {"--calib": "train.npz", "--data": "unseen.npz", "--space": "space.yaml", "-o": out}
    given = [word for option, name in files.items() for word in (option, str(tmp_path / name))]
    command = [sys.executable, "-m", "nc.compiler.cli", "explore", str(DIGITS), "--target", "fpga", *given, "--json"]
    return subprocess.Popen([*command, *more], env=environment, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> dict[str, list[dict[str, dict[str, float]]]]:
    text, _ = process.communicate(timeout=1800)
    assert process.returncode == 0
    found: dict[str, list[dict[str, dict[str, float]]]] = json.loads(text)
    return found


def worker_pids(address: str) -> list[int]:
    from distributed import Client

    with Client(f"tcp://{address}", timeout="20s") as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(2, timeout=60)  # type: ignore[no-untyped-call]
        return list(client.run(os.getpid).values())  # type: ignore[no-untyped-call]


@pytest.mark.slow
def test_killed_workers_lose_nothing(tmp_path: Path, database: str, cluster: str) -> None:
    """A search in examples/digits/space.yaml on its own data: both workers are killed, one after the other."""
    subprocess.run([sys.executable, str(EXAMPLES / "digits" / "write_samples.py"), str(tmp_path)], check=True)
    space = (EXAMPLES / "digits" / "space.yaml").read_text()
    for old, new in CHEAPER.items():
        assert old in space
        space = space.replace(old, new)
    (tmp_path / "space.yaml").write_text(space)
    pids = worker_pids(cluster)
    assert len(pids) == 2

    engine = sqlalchemy.create_engine(database)
    running = explore(tmp_path, "cluster", "--storage", database, "--workers", f"dask://{cluster}")

    def finished() -> dict[int, str]:
        """Finished trials and their figures."""
        if not sqlalchemy.inspect(engine).has_table("trials"):
            return {}
        with engine.connect() as connection:
            return {row.trial_id: row.found for row in connection.execute(FINISHED)}

    kept: dict[int, str] = {}
    for pid, count in zip(pids, (4, 16)):
        end = time.monotonic() + 600
        while len(finished()) < count:
            assert running.poll() is None and time.monotonic() < end, "no point was measured"
            time.sleep(0.1)
        kept = finished()
        os.kill(pid, signal.SIGKILL)
    found = answer(running)
    last = finished()
    assert len(kept) >= 16 and all(last[trial] == figures for trial, figures in kept.items())
    engine.dispose()

    alone = answer(explore(tmp_path, "alone"))
    assert found["trials"] == alone["trials"] == 32
    assert len(found["front"]) > 1
    assert [p["metrics"] for p in found["front"]] == [p["metrics"] for p in alone["front"]]
