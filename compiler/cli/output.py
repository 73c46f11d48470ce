"""What a command prints: one JSON object or a table on stdout; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nc.compiler.progress import Progress, Silent
from nc.ir.diagnostics import Diagnostic

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {"error": "bold red", "warning": "bold yellow"}


@dataclass
class Output:
    """The two streams of one command, and how much its caller wants to see."""

    json: bool = False
    quiet: bool = False
    warnings: list[Diagnostic] = field(default_factory=list)

    def result(self, fields: Mapping[str, object], show: Callable[[Console], None] | None = None) -> None:
        """The command's result: `fields` with --json, otherwise what `show` draws (nothing with --quiet)."""
        if self.json:
            print(json.dumps(fields, allow_nan=False, default=_plain), flush=True)
        elif show is not None and not self.quiet:
            show(console())

    def warn(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Warnings: on stderr at once, and kept for the `warnings` field."""
        found = list(diagnostics)
        self.warnings += found
        if not self.json and not self.quiet:
            render(found)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A listener for long work: a bar on a terminal, plain lines elsewhere, nothing with --json or --quiet."""
        if self.json or self.quiet:
            yield Silent()
            return
        if not sys.stderr.isatty():
            yield _Lines()
            return
        from nc.compiler.cli.bar import bar

        with bar() as listener:
            yield listener


class _Lines:
    """One line a stage, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def stage(self, name: str) -> None:
        print(f"[{time.monotonic() - self._start:6.1f} s] {name}", file=sys.stderr, flush=True)

    def advance(self, done: int, total: int) -> None:
        del done, total


def console(*, stderr: bool = False) -> Console:
    """A rich console: colours only on a terminal, tables as wide as it is (100 columns elsewhere)."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 100, highlight=False, soft_wrap=False)


def render(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics on stderr, in their own shape; the first word is coloured on a terminal."""
    for diagnostic in diagnostics:
        text = str(diagnostic)
        if not sys.stderr.isatty():
            print(text, file=sys.stderr, flush=True)
            continue
        from rich.text import Text

        head, _, rest = text.partition(":")
        styled = Text.assemble((head, _COLOURS.get(diagnostic.severity, "bold")), ":", rest)
        console(stderr=True).print(styled, soft_wrap=True)


def _plain(value: object) -> object:
    """JSON for what results may hold besides plain types: numpy scalars, paths, fractions."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
