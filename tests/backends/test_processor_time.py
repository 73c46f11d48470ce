"""A limit of processor time: work is stopped, waiting is not."""

from __future__ import annotations

import sys
from pathlib import Path

from nc.backends.processor_time import run_for


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_work_is_stopped(tmp_path: Path) -> None:
    assert run_for(python("while True: pass"), 1, tmp_path) is None


def test_waiting_is_not(tmp_path: Path) -> None:
    done = run_for(python("import time; time.sleep(1.5); open('made', 'w'); print('awake')"), 1, tmp_path)
    assert done is not None and (done.returncode, done.stdout) == (0, "awake\n")
    assert (tmp_path / "made").exists()


def test_another_end_is_for_the_caller(tmp_path: Path) -> None:
    done = run_for(python("import sys; print('why', file=sys.stderr); sys.exit(3)"), 0.5, tmp_path)
    assert done is not None and (done.returncode, done.stderr) == (3, "why\n")
