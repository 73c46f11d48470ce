"""Arguments and options that several commands share, and how figures are written in tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model: .onnx, .nir or .pt2.")]
BuildFolder = Annotated[Path, typer.Argument(metavar="BUILD", help="A folder written by nc compile.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="DATA", help="Samples: .npz, .npy, .csv or IDX.")]
Calibration = Annotated[Path | None, typer.Option("--calib", metavar="DATA", help="Calibration data for quantisation.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Configuration in YAML (see nc schema).")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="One option; wins over --config; repeatable."),
]


def pairs(title: str, fields: Mapping[str, object]) -> Table:
    """A table of names and values; what does not apply is left out."""
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    for name, value in fields.items():
        if value is not None and value != {} and value != []:
            drawn.add_row(name.replace("_", " "), shown(value))
    return drawn


def shown(value: object) -> str:
    """A figure as a table shows it.

    >>> shown(0.98611), shown(12345), shown([1, 2]), shown("x")
    ('0.9861', '12,345', '1, 2', 'x')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(value)
