"""How long work tells what it is doing: stages, and how much of one is done. No terminal, no colours here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """A listener. `advance` may be called often; `total` is 0 when it is not known."""

    def stage(self, name: str) -> None: ...

    def advance(self, done: int, total: int) -> None: ...


class Silent:
    """Listens to nothing."""

    def stage(self, name: str) -> None:
        del name

    def advance(self, done: int, total: int) -> None:
        del done, total


@dataclass
class Stopwatch:
    """Passes stages on to a listener and keeps how many seconds each took."""

    listener: Progress = field(default_factory=Silent)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.listener.stage(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
