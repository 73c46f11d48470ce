"""`nc inspect MODEL|BUILD`: operations, shapes, exact ranges, and which targets take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import Batch, Shapes, reading

if TYPE_CHECKING:
    from rich.console import Console


def run(
    out: Output,
    model: Annotated[str, typer.Argument(metavar="MODEL|BUILD", help="A model file or a build folder.")],
    batch: Batch = None,
    shape: Shapes = None,
) -> None:
    """Show what a model or a build consists of, and what each target supports of it."""
    from nc.compiler.driver.inspecting import inspect

    found = inspect(model, reading(batch, shape))
    fields = found.to_json()

    def show(console: Console) -> None:
        from rich.table import Table
        from rich.text import Text

        size = "" if found.figures is None else f", {found.figures.parameters:,} parameters"
        console.print(f"{found.name}: {fields['stage']} model{size}", style="bold")
        nodes = Table("operation", "type", "name in the model", box=None, header_style="bold")
        for row in found.description.rows:
            nodes.add_row(row.op, Text(row.type), Text(row.origin))
        console.print(nodes)
        targets = Table("target", "supported", box=None, header_style="bold")
        for name, problems in found.targets.items():
            errors = [d.message for d in problems if d.severity == "error"]
            targets.add_row(name, Text("; ".join(errors[:3]) or "yes"))
        console.print(targets)

    out.result(fields, show)
