"""`nc doctor`: which tools are here, which version, and how to get what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nc.compiler.cli.output import Output

if TYPE_CHECKING:
    from rich.table import Table


def run(out: Output) -> None:
    """Check the tools that nc works with. A missing one is no error: it is needed for its own commands only."""
    from nc.sim.tools import doctor

    found = doctor()

    def table() -> Table:
        from rich.table import Table

        drawn = Table("tool", "version", "found as", "needed for", box=None, header_style="bold")
        for tool in found:
            how = tool.how or f"missing: {tool.install}"
            drawn.add_row(tool.name, tool.version or "-", how, tool.needed_for, style=None if tool.found else "yellow")
        return drawn

    out.result({"tools": [t.to_json() for t in found]}, lambda c: c.print(table()))
