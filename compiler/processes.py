"""Processes of our own for long jobs: they end with their parent, whatever ended that, and take their tools along."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, TypeVar

from nc.compiler.progress import Progress
from nc.ir.diagnostics import InternalError, NcError

POLL_S = 0.5
_GRACE_S = 5.0

Item = TypeVar("Item")
Result = TypeVar("Result")
SPAWN = multiprocessing.get_context("spawn")  # numba and torch do not survive a fork


def obey(parent: int) -> None:
    """For a worker process: leave interrupts to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def stop(processes: Sequence[BaseProcess]) -> None:
    """End processes: asked first, killed after a while."""
    for process in processes:
        process.terminate()
    end = time.monotonic() + _GRACE_S
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def run_all(
    work: Callable[[Item, Progress], Result], items: Sequence[Item], workers: int, progress: Progress
) -> list[Result]:
    """`work(item, progress)` of every item, in processes of which `workers` run at a time; one worker is this process.

    Results in the order of the items. The first error ends all of them and is raised. Stages of a worker are told to
    `progress`; `advance` counts finished items.
    """
    if workers == 1 or len(items) < 2:
        return [work(item, progress) for item in items]
    waiting, found = list(enumerate(items)), {}
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index, item = waiting.pop(0)
                ours, theirs = SPAWN.Pipe(duplex=False)
                started = SPAWN.Process(target=_run, args=(work, item, os.getpid(), theirs))
                started.start()
                theirs.close()
                running[ours] = index, started
            for line in wait(list(running)):
                assert isinstance(line, Connection)
                index, process = running[line]
                kind, value = _received(line)
                if kind == "stage":
                    progress.stage(value)
                    continue
                if kind == "error":
                    raise value
                del running[line]
                process.join()
                found[index] = value
                progress.advance(len(found), len(items))
    finally:
        stop([process for _, process in running.values()])
    return [found[index] for index in range(len(items))]


def _received(line: Connection) -> tuple[str, Any]:
    try:
        kind, value = line.recv()
    except EOFError:
        return "error", InternalError("a worker process ended without a word: it was killed, or ran out of memory")
    return kind, value


def _run(work: Callable[[Any, Progress], Any], item: Any, parent: int, line: Connection) -> None:
    obey(parent)
    try:
        line.send(("done", work(item, _Told(line))))
    except NcError as error:
        line.send(("error", error))
    except Exception as error:  # what the parent raises must survive the pipe
        line.send(("error", InternalError(f"{type(error).__name__}: {error}")))


class _Told:
    """A listener that passes stages on to the parent."""

    def __init__(self, line: Connection) -> None:
        self._line = line

    def stage(self, name: str) -> None:
        self._line.send(("stage", name))

    def advance(self, done: int, total: int) -> None:
        del done, total


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(1)
