"""Run a program with a limit of processor time, so that what it finds does not depend on how busy the machine is."""

from __future__ import annotations

import math
import resource
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 20
"""Wall-clock seconds for each second of processor time, after which a program that waits is given up."""

_LIMITS = hasattr(resource, "prlimit")  # Linux; elsewhere the limit is of wall-clock time


def run_for(command: Sequence[str], seconds: float, cwd: Path) -> subprocess.CompletedProcess[str] | None:
    """The finished process with its output; None when it took more than `seconds` (rounded up) of processor time. Any
    other end is for the caller to judge."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
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
    stopped = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    return None if stopped else subprocess.CompletedProcess(command, process.returncode, out, err)
