"""`nc report BUILD... -o report.html`: one page about builds, comparisons and explorations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import pairs


def run(
    out: Output,
    sources: Annotated[
        list[Path], typer.Argument(metavar="BUILD...", help="Builds, or folders of nc compare and nc explore.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The page to write.")] = Path(
        "report.html"
    ),
) -> None:
    """Write one self-contained HTML page: figures, graphs, costs, verification chains, plots. It works offline."""
    from nc.compiler.report.report import report

    with out.progress() as progress:
        found = report(sources, output, progress)
    fields = found.to_json()
    out.result(fields, lambda c: c.print(pairs("report", fields)))
