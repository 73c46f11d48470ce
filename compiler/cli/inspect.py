"""`nc inspect MODEL|BUILD`: operations, shapes, exact ranges, and which targets take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nc.compiler.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console


def run(
    out: Output, model: Annotated[str, typer.Argument(metavar="MODEL|BUILD", help="A model file or a build folder.")]
) -> None:
    """Show what a model or a build consists of, and what each target supports of it."""
    from nc.compiler.driver.inspecting import inspect

    found = inspect(model)
    fields = found.to_json()

    def show(console: Console) -> None:
        from rich.table import Table

        shown = found.integer or found.graph
        console.print(f"[bold]{found.name}[/bold]: {fields['stage']} graph, {shown.parameters:,} parameters")
        nodes = Table("value", "operation", "type", "node of the model", box=None, header_style="bold")
        for value, node in enumerate(shown.nodes):
            if node.constant is None:
                nodes.add_row(f"%{value}", node.op.name, str(node.type).replace("[", r"\["), node.origin)
        console.print(nodes)
        for diagnostic in found.why:
            console.print(f"no exact integers yet: {diagnostic.message}", markup=False)
        targets = Table("target", "supported", box=None, header_style="bold")
        for name, problems in found.targets.items():
            errors = [d.message for d in problems if d.severity == "error"]
            targets.add_row(name, "; ".join(errors[:3]) or "yes")
        if found.targets:
            console.print(targets)

    out.result(fields, show)
