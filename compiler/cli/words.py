"""Arguments and options that several commands share, and their tables of names and values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nc.compiler.cli import completion
from nc.compiler.shown import shown as shown
from nc.compiler.yaml_text import option
from nc.ir.diagnostics import UsageError, fail

if TYPE_CHECKING:
    from rich.table import Table

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model: .onnx, .nir or .pt2.")]
Target = Annotated[
    str,
    typer.Option("--target", help="The technology (see nc targets).", autocompletion=completion.targets),
]
Device = Annotated[
    str | None,
    typer.Option("--device", help="A chip for synthesis (see nc devices).", autocompletion=completion.devices),
]
Board = Annotated[
    str | None,
    typer.Option("--board", metavar="NAME", help="A board with pins, as icebreaker.", autocompletion=completion.boards),
]
BuildFolder = Annotated[Path, typer.Argument(metavar="BUILD", help="A folder written by nc compile.")]
DATA = "DATA"
"""The metavar of data files: a command that has one has the options of `nc.compiler.cli.reading` too."""
SAMPLES = "Samples: .npz, a table, IDX, images."
Data = Annotated[Path | None, typer.Option("--data", metavar=DATA, help=SAMPLES)]
Samples = Annotated[Path, typer.Option("--data", metavar=DATA, help=SAMPLES)]
Calibration = Annotated[Path | None, typer.Option("--calib", metavar=DATA, help="Calibration data for quantisation.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Configuration in YAML (see nc schema).")]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY.PATH=VALUE",
        help="One option; wins over --config; repeatable.",
        autocompletion=completion.assignments,
    ),
]

Batch = Annotated[
    str | None,
    typer.Option("--batch", metavar="AXIS|auto|none", help="The axis of the inputs that counts samples (model.batch)."),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option("--shape", metavar="NAME=N,N,...", help="The whole shape of an input (model.shapes); repeatable."),
]


def reading(batch: str | None, shapes: Sequence[str] | None) -> list[str]:
    """--batch and --shape as assignments of the section `model`. Raises UsageError NC003."""
    made = [] if batch is None else [f"model.batch={batch}"]
    for text in shapes or ():
        name, _, extents = text.rpartition("=")
        if not name or '"' in name or not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", extents):
            fail("NC003", f"--shape must be NAME=N,N,..., not '{text}'", kind=UsageError, help="--shape x=1,16,64")
        made.append(f"{option('model', 'shapes', name)}=[{extents}]")
    return made


def pairs(title: str, fields: Mapping[str, object]) -> Table:
    """A table of names and values; what does not apply is left out."""
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    for name, value in fields.items():
        if value is not None and value != {} and value != []:
            drawn.add_row(name.replace("_", " "), shown(value))
    return drawn
