"""Programs are contained: time limits end whole groups, failures show the end of the log."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nc.sim.process import ToolFailed, run

SPAWN = """
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
print("started", flush=True)
child.wait()
"""


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_usage_and_log(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", "print('hello')"], what="python", log=tmp_path / "a" / "log")
    assert done.log.read_text() == "hello\n" and done.status == 0
    assert done.cpu_seconds > 0 and done.peak_mb > 1


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "for i in range(30): print('line', i)\nraise SystemExit(4)"
    with pytest.raises(ToolFailed) as caught:
        run([sys.executable, "-c", code], what="the tool", log=tmp_path / "log.txt")
    text = str(caught.value)
    assert text.startswith("error[NC501]: the tool failed (exit status 4)\n   |  line 18\n")
    assert text.endswith("   |  line 29\n  help: the whole output is in log.txt")
    assert caught.value.exit_code == 1


def test_a_time_limit_ends_the_whole_group(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(ToolFailed) as caught:
        run([sys.executable, "-c", SPAWN, str(tmp_path / "pid")], what="the tool", log=tmp_path / "log", limit_s=1.5)
    assert time.monotonic() - begin < 8
    assert str(caught.value).startswith("error[NC502]: the tool must end within 1.5 s, and it did not\n   |  started\n")
    time.sleep(0.1)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        if not interrupts and (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            interrupts.append(seconds)
            raise KeyboardInterrupt
        real(seconds)

    real = time.sleep
    interrupts: list[float] = []
    monkeypatch.setattr("nc.sim.process.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", SPAWN, str(tmp_path / "pid")], what="the tool", log=tmp_path / "log")
    monkeypatch.undo()
    time.sleep(0.1)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"error\[NC501\]: the tool could not be started: No such file or directory"):
        run(["no-such-program"], what="the tool", log=tmp_path / "log")


def test_a_killed_parent_takes_the_whole_group_along(tmp_path: Path) -> None:
    """SIGKILL leaves the parent no word to say; the program and its own child end all the same."""
    (tmp_path / "spawn.py").write_text(SPAWN)
    script = (
        "import sys, pathlib; from nc.sim.process import run; "
        "run([sys.executable, sys.argv[1], sys.argv[2]], what='the tool', log=pathlib.Path(sys.argv[3]))"
    )
    words = [str(tmp_path / name) for name in ("spawn.py", "pid", "log")]
    with subprocess.Popen([sys.executable, "-c", script, *words]) as parent:
        end = time.monotonic() + 30
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        child = int((tmp_path / "pid").read_text())
        assert alive(child)
        parent.kill()
    end = time.monotonic() + 10
    while alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(child)
