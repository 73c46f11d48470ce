"""`nc eval BUILD --data DATA`: the golden model beside the float model, and where precision is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import BuildFolder, Samples, pairs, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nc.compiler.driver.tasks import Task
else:
    Task = str

TASKS = ("classification", "regression")


def _task(value: str | None) -> str | None:
    if value is not None and value not in TASKS:
        raise typer.BadParameter(f"must be {' or '.join(TASKS)}, not '{value}'")
    return value


def run(
    out: Output,
    build: BuildFolder,
    data: Samples,
    task: Annotated[
        Task | None,
        typer.Option("--task", callback=_task, help="classification or regression; by default found from the labels."),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Also each layer against the float graph, worst first.")
    ] = False,
) -> None:
    """Evaluate the golden model of a build on data."""
    from nc.compiler.driver.evaluating import evaluate

    with out.progress() as progress:
        progress.stage(f"evaluate {build.name} on {data.name}")
        found = evaluate(build, data, task=task, layers=layers).to_json()
    out.result(found, lambda c: _show(c, f"{build} on {data.name}", found))


def _show(console: Console, title: str, found: Mapping[str, Any]) -> None:
    console.print(pairs(title, {k: v for k, v in found.items() if k not in ("outputs", "layers")}))
    if len(found["outputs"]) > 1:
        console.print(_rows(found["outputs"]))
    if found.get("layers"):
        console.print(_rows(found["layers"]))


def _rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line a row; columns that nothing is known of are left out."""
    from rich.table import Table

    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    drawn = Table(*(name.replace("_", " ") for name in names), box=None, header_style="bold")
    for row in rows:
        drawn.add_row(*("" if row[name] is None else shown(row[name]) for name in names))
    return drawn
