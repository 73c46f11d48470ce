"""`nc targets`: the technologies a network can be compiled to, plugins included."""

from __future__ import annotations

from nc.compiler.cli.output import Output


def run(out: Output) -> None:
    """List the targets."""
    from rich.table import Table

    from nc.backends import registry

    rows = [registry.find(name) for name in registry.names()]

    def table() -> Table:
        drawn = Table("target", "what it makes", "stage", "engines", box=None, header_style="bold")
        for backend in rows:
            drawn.add_row(backend.name, backend.summary, backend.stage, ", ".join(backend.engines))
        return drawn

    fields = [{"name": b.name, "summary": b.summary, "stage": b.stage, "engines": list(b.engines)} for b in rows]
    out.result({"targets": fields}, lambda c: c.print(table()))
