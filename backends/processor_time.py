"""Run programs with a limit of processor time, so that what they find does not depend on how busy the machine is."""

from __future__ import annotations

import math
import resource
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 20
"""Wall-clock seconds for each second of processor time, after which a program that waits is given up."""

_LIMITS = hasattr(resource, "prlimit")  # Linux; elsewhere the limit is of wall-clock time
_running: set[subprocess.Popen[str]] = set()


def run_for(command: Sequence[str], seconds: float, cwd: Path) -> subprocess.CompletedProcess[str] | None:
    """The finished process with its output; None when it took more than `seconds` (rounded up) of processor time. Any
    other end is for the caller to judge."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _running.add(process)
        whole = max(1, math.ceil(seconds))
        if _LIMITS:
            with suppress(ProcessLookupError):  # it has ended already
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (whole, whole))
        try:
            out, err = process.communicate(timeout=PATIENCE * whole if _LIMITS else whole)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise
        finally:
            _running.discard(process)
    stopped = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    return None if stopped else subprocess.CompletedProcess(command, process.returncode, out, err)


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> list[Result]:
    """`work(item)` of every item, in their order, `workers` at a time. Whatever ends the wait early, an error or an
    interrupt, also ends the programs that `run_for` runs, and no more of them begin."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            while wait(futures, timeout=0.1).not_done:  # a piece of work may run several programs
                for process in list(_running):
                    process.kill()
            raise
