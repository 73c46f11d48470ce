"""`nc explore MODEL --target T --data DATA --space space.yaml -o DIR`: search the design space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import Assignments, Calibration, Config, Model, shown

if TYPE_CHECKING:
    from rich.table import Table


def run(
    out: Output,
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The exploration's folder.")],
    target: Annotated[str, typer.Option("--target", help="The technology (see nc targets).")],
    data: Annotated[Path, typer.Option("--data", metavar="DATA", help="Samples that judge the points.")],
    space: Annotated[Path, typer.Option("--space", metavar="FILE", help="What varies and what is wanted, in YAML.")],
    calib: Calibration = None,
    config: Config = None,
    assignments: Assignments = None,
    storage: Annotated[str | None, typer.Option("--storage", metavar="URL", help="A database that runs share.")] = None,
    workers: Annotated[str, typer.Option("--workers", metavar="N|URL", help="Processes, or dask://HOST:PORT.")] = "1",
) -> None:
    """Search a space of options for the best trade-offs. Run again, it goes on where it was."""
    from nc.compiler.exploring.explore import explore

    with out.progress() as progress:
        found = explore(
            model, target=target, data=data, space=space, output=output, calib=calib, config=config,
            set=assignments or (), storage=storage, workers=workers, progress=progress,
        ).to_json()  # fmt: skip
    out.result(found, lambda c: c.print(_table(found)))


def _table(found: Mapping[str, Any]) -> Table:
    """The front, options then the figures that differ between its points, with the baseline as the last row."""
    from rich.table import Table

    best = found["front"]
    options = list(dict.fromkeys(k for p in best for k in p["options"]))
    figures = [k for k in best[0]["metrics"] if len({p["metrics"].get(k) for p in best}) > 1 or k == "accuracy"]
    base = found["baseline"]["metrics"]
    drawn = Table(title=f"{found['trials']} points, {len(best)} of them best", title_justify="left", box=None)
    for name in ["", *options, *figures[:8]]:
        drawn.add_column(name.replace("_", " "))
    for index, point in enumerate(best):
        row = [point["options"].get(k) for k in options] + [point["metrics"].get(k) for k in figures[:8]]
        drawn.add_row(str(index), *(shown(v) for v in row))
    drawn.add_row("default", *("" for _ in options), *(shown(base.get(k, "")) for k in figures[:8]))
    return drawn
