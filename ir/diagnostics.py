"""Diagnostics: what went wrong, where, and what to do, in one shape for the whole toolchain.

`NcError` is a mistake of the user's (wrong input, wrong option); `InternalError` is ours. Passes and checks
collect `Diagnostic` records and raise once, so that a user sees every problem of a model at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the user's input: file, node of the model, tensor; any part may be unknown (empty)."""

    file: str = ""
    node: str = ""
    tensor: str = ""

    def __str__(self) -> str:
        parts = [f"node '{self.node}'"] if self.node else []
        parts += [f"tensor '{self.tensor}'"] if self.tensor else []
        place = ", ".join(parts)
        if self.file and place:
            return f"{self.file}: {place}"
        return self.file or place


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `message` reads "X must be A, not B"; `help` says what to do about it.

    `code` is a key of `nc.ir.codes.CODES` (`nc explain NC210`); `op` is the offending operation in text form;
    `trail` names the pass it happened in and the passes before it.
    """

    code: str
    message: str
    where: Where = Where()
    op: str = ""
    help: str = ""
    trail: tuple[str, ...] = ()
    severity: str = "error"

    def __str__(self) -> str:
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        if place := str(self.where):
            lines.append(f"  --> {place}")
        if self.op:
            lines += [f"   |  {row}" for row in self.op.splitlines()]
        if self.help:
            lines.append(f"  help: {self.help}")
        if self.trail:
            before = f" (after: {', '.join(self.trail[:-1])})" if len(self.trail) > 1 else ""
            lines.append(f"note: in pass '{self.trail[-1]}'{before}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.where.file,
            "node": self.where.node,
            "tensor": self.where.tensor,
            "op": self.op,
            "help": self.help,
            "trail": list(self.trail),
        }


class NcError(Exception):
    """The user's input, options or environment are wrong. Carries every diagnostic found."""

    exit_code = 1

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]):
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def __reduce__(self) -> tuple[type[NcError], tuple[tuple[Diagnostic, ...]]]:
        return type(self), (self.diagnostics,)

    def located(self, *, file: str = "", trail: tuple[str, ...] = ()) -> NcError:
        """The same error with the file and the pass trail filled in where they were not yet known."""
        return type(self)(
            replace(
                d,
                where=replace(d.where, file=d.where.file or file),
                trail=d.trail or trail,
            )
            for d in self.diagnostics
        )


class UsageError(NcError):
    """Wrong words on the command line or an unknown option."""

    exit_code = 2


class ToolMissing(NcError):
    """An external tool is not installed; the help line is the command that installs it."""

    exit_code = 3


class InternalError(Exception):
    """An invariant of ours is broken: a defect of nc, never of the user's model."""

    exit_code = 70


def fail(
    code: str,
    message: str,
    *,
    where: Where = Where(),
    op: str = "",
    help: str = "",
    kind: type[NcError] = NcError,
) -> NoReturn:
    """Raise a single diagnostic."""
    raise kind(Diagnostic(code, message, where, op, help))


@dataclass
class Collector:
    """Collects diagnostics, then raises all errors at once.

    >>> found = Collector()
    >>> found.error("NC210", "threshold output must be 1 bit wide, not 4")
    >>> len(found.diagnostics)
    1
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, **details: object) -> None:
        self.diagnostics.append(Diagnostic(code, message, **details))  # type: ignore[arg-type]

    def warn(self, code: str, message: str, **details: object) -> None:
        self.diagnostics.append(Diagnostic(code, message, severity="warning", **details))  # type: ignore[arg-type]

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics.extend(diagnostics)

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "warning"]

    def raise_if_any(self, kind: type[NcError] = NcError) -> None:
        errors = [d for d in self.diagnostics if d.severity == "error"]
        if errors:
            raise kind(errors)


def suggest(word: str, known: Iterable[str]) -> str:
    """A "did you mean" phrase for a mistyped name, or the list of what is known when nothing is close."""
    names: Sequence[str] = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "nothing is known here"
