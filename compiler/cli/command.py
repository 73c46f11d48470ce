"""Registers a function as a command: adds --json, --quiet, --debug, an example to its help, and the `Output`.

Commands that take DATA (an option of that metavar) get the options that say how to read it, and their parameters a
`DataFile` that knows them.

A command is a function `(out: Output, ...) -> int | None`; its parameters after `out` are typer's; it returns the
exit code (0 when it returns nothing).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

import typer

from nc.compiler.cli import reading
from nc.compiler.cli.output import Output
from nc.compiler.cli.words import DATA

Command = Callable[..., int | None]

_FLAGS = {
    "json": Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else there.")],
    "quiet": Annotated[bool, typer.Option("--quiet", help="Nothing but errors.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Traceback of an error.")],
}


def register(app: typer.Typer, name: str, function: Command, example: str) -> None:
    """Make `function` the command `name` of `app`; its docstring's first paragraph is the help."""
    hints = get_type_hints(function, include_extras=True)
    own = list(inspect.signature(function).parameters.values())[1:]
    flags = [
        inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for flag, kind in _FLAGS.items()
    ]
    data = [p.name for p in own if any(getattr(m, "metavar", "") == DATA for m in get_args(hints[p.name])[1:])]
    parameters = [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    parameters += (reading.PARAMETERS if data else []) + flags

    def call(**given: Any) -> int:
        flags = {flag: given.pop(flag) for flag in _FLAGS}
        out = Output(json=flags["json"], quiet=flags["quiet"])
        if data:
            reading.bind(given, data, out)
        return function(out, **given) or 0

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__name__ = name
    help_text = inspect.getdoc(function) or ""
    app.command(name, help=f"{help_text}\n\nExample: {example}")(call)
