"""A limit of processor time: work is stopped, waiting is not."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from nc.backends.processor_time import in_threads, run_for


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


def test_threads_keep_the_order(tmp_path: Path) -> None:
    found = in_threads(lambda n: run_for(python(f"print({n})"), 5, tmp_path), range(4), 2)
    assert [done.stdout for done in found if done is not None] == ["0\n", "1\n", "2\n", "3\n"]


def test_an_error_ends_the_others(tmp_path: Path) -> None:
    """Also those that a piece of work would run next."""

    def work(number: int) -> None:
        if not number:
            raise ValueError("the first")
        for step in range(2):
            run_for(python(f"open('{number}{step}', 'w'); import time; time.sleep(60)"), 60, tmp_path)

    begin = time.monotonic()
    with pytest.raises(ValueError, match="the first"):
        in_threads(work, range(8), 2)
    assert time.monotonic() - begin < 20
    assert not list(tmp_path.glob("[4-7]*"))
