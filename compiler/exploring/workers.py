"""Where an exploration's workers run: processes of this machine, or the processes of a Dask cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from nc.compiler.exploring.study import Search, work
from nc.compiler.processes import POLL_S, SPAWN, obey, stop
from nc.ir.diagnostics import NcError, ToolMissing, UsageError, fail

_RESTARTS = 3  # of a worker that was killed


def run(search: Search, workers: str, watch: Callable[[], None]) -> None:
    """Run `workers` (a number, or dask://HOST:PORT) until the search is done; `watch` is called now and then.

    Raises what a worker raised, UsageError NC003 for other words, ToolMissing without Dask.
    """
    if workers.startswith("dask://"):
        _dask(search, "tcp://" + workers.removeprefix("dask://"), watch)
    elif workers.isdecimal() and 0 < int(workers) <= 1024:
        _local(search, int(workers), watch)
    else:
        fail("NC003", f"--workers must be a number from 1 or dask://HOST:PORT, not '{workers}'", kind=UsageError)


def _local(search: Search, count: int, watch: Callable[[], None]) -> None:
    errors, theirs = SPAWN.Pipe(duplex=False)

    def start(index: int) -> BaseProcess:
        process = SPAWN.Process(target=_process, args=(search, index, os.getpid(), theirs))
        process.start()
        return process

    running = {index: start(index) for index in range(count)}
    restarts = 0
    try:
        while running:
            time.sleep(POLL_S)
            watch()
            for index, process in list(running.items()):
                if process.is_alive():
                    continue
                del running[index]
                if errors.poll():
                    raise errors.recv()
                if process.exitcode and restarts < _RESTARTS:
                    restarts += 1
                    running[index] = start(index)
    finally:
        stop(list(running.values()))
        errors.close()
        theirs.close()


def _process(search: Search, index: int, parent: int, errors: Connection) -> None:
    """A worker process."""
    obey(parent)
    try:
        work(search, index)
    except NcError as error:
        errors.send(error)


def _dask(search: Search, address: str, watch: Callable[[], None]) -> None:
    try:
        from distributed import Client
    except ImportError:
        fail("NC500", "Dask must be installed for --workers dask://...", help="pip install distributed",
             kind=ToolMissing)  # fmt: skip
    try:
        client: Any = Client(address, timeout="20s")  # type: ignore[no-untyped-call]  # Dask has no types
    except (OSError, TimeoutError, ValueError) as error:
        fail("NC443", f"the Dask scheduler must answer at {address}: {error}", help="dask scheduler; dask worker URL")
    with client:
        count = sum(client.nthreads().values())
        if not count:
            fail("NC443", f"the Dask cluster at {address} must have workers, not none", help="dask worker " + address)
        futures = [client.submit(work, search, i, pure=False, retries=_RESTARTS) for i in range(count)]
        try:
            while not all(f.done() for f in futures):
                time.sleep(POLL_S)
                watch()
            for future in futures:
                future.result()
        finally:
            with suppress(Exception):
                client.cancel(futures)
