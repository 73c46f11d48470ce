"""`nc compare MODEL --calib DATA --targets all`: the same network on several technologies, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nc.compiler.cli import completion
from nc.compiler.cli.output import Output
from nc.compiler.cli.words import Assignments, Batch, Calibration, Config, Data, Device, Model, Shapes, reading

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLOURS = {"equal": "green", "different": "bold red", "measured": "cyan", "skipped": "yellow"}


def run(
    out: Output,
    model: Model,
    targets: Annotated[
        str,
        typer.Option(
            "--targets",
            metavar="all|T,T",
            help="Technologies to compare.",
            autocompletion=completion.target_list,
        ),
    ] = "all",
    calib: Calibration = None,
    data: Data = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where the builds go.")] = Path(
        "comparison"
    ),
    config: Config = None,
    assignments: Assignments = None,
    batch: Batch = None,
    shape: Shapes = None,
    fidelity: Annotated[str, typer.Option("--fidelity", help="estimate, synth or pnr (where it applies).")] = "synth",
    device: Device = None,
    vectors: Annotated[
        int | None,
        typer.Option("--vectors", metavar="N", help="Samples to run on each hardware (64, or fewer)."),
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", help="At a time; default: cores.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace folders that are not builds.")] = False,
) -> int:
    """Compile, verify and measure one network on several technologies. --data judges (default: the calibration data).

    Exit code 1 when a link of a verification is broken, or no target takes the model.
    """
    from nc.compiler.comparing.compare import compare

    with out.progress() as progress:
        found = compare(
            model, calib=calib, data=data, targets=targets, output=output, config=config,
            set=[*reading(batch, shape), *(assignments or ())],
            fidelity=fidelity, device=device, vectors=vectors, workers=workers, force=force, progress=progress,
        )  # fmt: skip
    out.result(found.to_json(), lambda c: _show(c, found.to_json(), found))
    return 0 if found.ok else 1


def _show(console: Console, fields: Mapping[str, Any], found: Any) -> None:
    console.print(_table(fields["model"]["name"], found.columns))
    for column in found.columns:
        console.print()
        console.print(_basis(column))


def _table(name: str, columns: Any) -> Table:
    """A row a figure, a column a target; '–' where a target has none (the reason stands below)."""
    from rich.table import Table

    from nc.compiler.comparing.figures import LABELS

    taken = [column for column in columns if not column.refused]
    drawn = Table(title=f"{name} on {len(taken)} technologies", title_justify="left", title_style="bold", box=None)
    drawn.add_column("")
    for column in columns:
        drawn.add_column(column.target)
    for label, words in LABELS.items():
        if any(label in column.figures for column in columns):
            drawn.add_row(words, *(str(column.figures.get(label, "")) for column in columns))
    drawn.add_row("verified", *(_verdict(column) for column in columns))
    return drawn


def _verdict(column: Any) -> str:
    if column.refused:
        return "not taken"
    checked = [link for link in column.links if link.verdict in ("equal", "different")]
    right = sum(link.verdict == "equal" for link in checked)
    return f"{right} of {len(checked)} links"


def _basis(column: Any) -> Table:
    """What stands behind a column: its checks, and what each figure assumes."""
    from rich.table import Table
    from rich.text import Text

    from nc.compiler.comparing.figures import LABELS

    drawn = Table(title=column.target, title_justify="left", title_style="bold", box=None, show_header=False)
    for found in column.refused:
        drawn.add_row("not taken", "", f"{found.code}: {found.message}" + (f" ({found.help})" if found.help else ""))
    for link in column.links:
        drawn.add_row(link.name, Text(link.verdict, style=_COLOURS[link.verdict]), link.detail)
    if column.first_mismatch is not None:
        drawn.add_row("first mismatch", "", str(column.first_mismatch.get("text", column.first_mismatch)))
    for name, figure in column.figures.items():
        drawn.add_row(LABELS.get(name, name), str(figure), figure.basis)
    return drawn
