"""What an actor is: frozen parameters, a type rule, its exact meaning on token streams, and its behaviour in time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from nc.ir.dataflow.streams import Behaviour, IntArray, Stream
from nc.ir.words import WordGraph
from nc.ir.words.text import to_text

KINDS: dict[str, type[Actor]] = {}
"""Every kind by its name, the word of the text form."""


@dataclass(frozen=True, eq=False)
class Actor(ABC):
    """Base of all kinds; a subclass is a frozen dataclass whose fields are its parameters.

    The hardware of a kind is the component of that name in `nc.hdl.streaming`.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if cls.name:
            KINDS[cls.name] = cls

    @abstractmethod
    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        """The streams that come out."""

    @abstractmethod
    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        """Tokens (N, count, lanes) in, tokens out: the untimed meaning."""

    @abstractmethod
    def behaviour(self, *inputs: Stream) -> Behaviour:
        """The programs of its processes; at most one process gives to a port."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash(self.name)


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, WordGraph) and isinstance(b, WordGraph):
        return to_text(a) == to_text(b)
    return a == b
