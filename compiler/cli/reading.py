"""The options of every command that takes DATA: how its files are to be read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from nc.compiler.cli import completion
from nc.compiler.cli.output import Output
from nc.compiler.reading import DataFile, Reading
from nc.ir.diagnostics import UsageError, fail

_OPTIONS: dict[str, Any] = {
    "label": Annotated[
        str,
        typer.Option("--label", "--y", metavar="NAME", help="Column, or array, of the labels."),
    ],
    "x": Annotated[
        str, typer.Option("--x", metavar="NAMES", help="Columns, or array, of the samples.")
    ],
    "missing": Annotated[
        str,
        typer.Option(
            "--missing", metavar="mean|drop", help="Missing values: fill in, or leave such samples out.",
            autocompletion=completion.missing,
        ),
    ],
    "classes": Annotated[
        str,
        typer.Option("--classes", metavar="A,B,...", help="Class names in the order of the outputs."),
    ],
    "header": Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether a table's first row names the columns."),
    ],
    "resize": Annotated[
        str, typer.Option("--resize", metavar="HxW", help="Bring images to this size.")
    ],
}  # fmt: skip

PARAMETERS = [
    inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None if name == "header" else "", annotation=annotation
    )
    for name, annotation in _OPTIONS.items()
]


def bind(given: dict[str, Any], data: Sequence[str], out: Output) -> None:
    """Take the options out of a command's arguments, and put them into its DATA parameters."""
    words = {name: given.pop(name) for name in _OPTIONS}
    size = re.fullmatch(r"([1-9]\d{0,4})[xX×]([1-9]\d{0,4})", words["resize"])
    if words["resize"] and size is None:
        fail("NC003", f"--resize must be HEIGHTxWIDTH, as 28x28, not '{words['resize']}'", kind=UsageError)
    words["resize"] = None if size is None else (int(size[1]), int(size[2]))
    words["classes"] = tuple(c.strip() for c in words["classes"].split(",")) if words["classes"] else ()
    reading = Reading(**words)
    for name in data:
        if given[name] is not None:
            given[name] = DataFile(given[name], reading, out.warn)
