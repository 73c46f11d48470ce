"""The progress bar of a terminal: spinner, stage, share done, elapsed time. It vanishes when the work is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from nc.compiler.cli.output import console
from nc.compiler.progress import Progress


@contextmanager
def bar() -> Iterator[Progress]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console(stderr=True), transient=True) as drawn:
        yield _Bar(drawn)


class _Bar:
    def __init__(self, drawn: RichProgress) -> None:
        self._drawn = drawn
        self._task = drawn.add_task("starting", total=None)

    def stage(self, name: str) -> None:
        self._drawn.update(self._task, description=name, completed=0, total=None)

    def advance(self, done: int, total: int) -> None:
        self._drawn.update(self._task, completed=done, total=total or None)
