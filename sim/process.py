"""Running an external program: contained, limited in time, logged, and explained when it fails.

A program runs in a process group of its own that is killed whole when time is up, on Ctrl-C, and on any other
exception; a watcher that reads a pipe from `nc` kills it when `nc` itself is killed. So no simulator or synthesiser
outlives `nc`. No shell sees the program's words.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from nc.ir.diagnostics import NcError, fail

_TAIL_LINES = 12
_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Finished:
    """A program that ended. `peak_mb`: largest resident set among it and its waited-for children."""

    status: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    log: Path


class ToolFailed(NcError):
    """A program ended with an error (NC501) or was stopped at its time limit (NC502). `log` is its whole output."""

    log: Path | None = None


def run(
    command: Sequence[str],
    *,
    what: str,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit_s: float | None = None,
    accept: Sequence[int] = (0,),
    append: bool = False,
) -> Finished:
    """Run `command` to its end; its output (both streams) goes to the file `log`.

    `what` names the work in messages ("Verilator", "place and route"); `env` is added to the environment; `limit_s`
    is wall-clock time; `accept` lists the exit statuses that are not failures. Raises ToolFailed with the last lines
    of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with log.open("ab" if append else "wb") as out:
        start_of_output = out.tell()
        process = _start(command, what, out, cwd, env)
        try:
            with _watched(process):
                ended = _wait(process, begin + limit_s if limit_s is not None else None)
        except BaseException:
            _kill_group(process)
            raise
    if ended is None:
        _kill_group(process)
        _raise(
            "NC502",
            f"{what} must end within {limit_s:g} s, and it did not",
            log,
            start_of_output,
            "allow more time, or make the design smaller (fold it, or compile it for streaming)",
        )
    status, usage = ended
    if status not in accept:
        _failed(what, status, log, start_of_output)
    return Finished(
        status=status,
        seconds=time.monotonic() - begin,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        log=log,
    )


@dataclass(frozen=True)
class Running:
    """A program beside which the caller goes on."""

    process: subprocess.Popen[bytes]
    what: str
    log: Path

    def check(self) -> None:
        """Raises ToolFailed when the program has ended."""
        if self.process.returncode is not None or _wait(self.process, time.monotonic()) is not None:
            _failed(self.what, self.process.returncode, self.log, 0)

    def wait(self, limit_s: float) -> None:
        """Let it end by itself. Raises ToolFailed for an error (NC501) or when time is up (NC502)."""
        ended = _wait(self.process, time.monotonic() + limit_s)
        if ended is None:
            _raise("NC502", f"{self.what} must end within {limit_s:g} s, and it did not", self.log, 0, "")
        if ended[0]:
            _failed(self.what, ended[0], self.log, 0)


@contextmanager
def running(
    command: Sequence[str], *, what: str, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """`command` as long as the block runs; its whole group is killed at the end of it. Arguments as in `run`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = _start(command, what, out, cwd, env)
        try:
            with _watched(process):
                yield Running(process, what, log)
        finally:
            _kill_group(process)


def _start(
    command: Sequence[str], what: str, out: IO[bytes], cwd: Path | None, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        fail("NC501", f"{what} could not be started: {error.strerror}", kind=ToolFailed)


@contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While the block runs, the death of this process, however it comes, ends the program's group: only this process
    holds the other end of the watcher's pipe (on Linux and macOS alike)."""
    script = f"read line; kill -9 -{process.pid}"
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        watcher.kill()  # before its pipe closes
        watcher.wait()
        if watcher.stdin is not None:
            watcher.stdin.close()


def _failed(what: str, status: int, log: Path, start: int) -> NoReturn:
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    _raise("NC501", f"{what} failed ({how})", log, start, f"the whole output is in {_shown(log)}")


def _wait(process: subprocess.Popen[bytes], deadline: float | None) -> tuple[int, resource.struct_rusage] | None:
    """(status, resource usage), or None at the deadline. Polls, since only wait4 tells a child's usage."""
    pause = 0.002
    while True:
        pid, raw, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(raw)
            return process.returncode, usage
        if deadline is not None and time.monotonic() > deadline:
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: politely, then not. The group may outlive its leader, so it is signalled in any case."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        end = time.monotonic() + _GRACE_SECONDS
        while process.returncode is None and time.monotonic() < end:
            pid, raw, _ = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(raw)
            else:
                time.sleep(0.01)


def _raise(code: str, message: str, log: Path, start: int, help: str) -> NoReturn:
    with log.open("rb") as stream:
        stream.seek(start)
        lines = stream.read().decode(errors="replace").rstrip().splitlines()
    try:
        fail(code, message, op="\n".join(lines[-_TAIL_LINES:]), help=help, kind=ToolFailed)
    except ToolFailed as error:
        error.log = log
        raise


def _shown(path: Path) -> str:
    """The path as a user would type it: relative to the working directory where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
