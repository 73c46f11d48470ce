"""`nc ops`: the operations of the graph, and the stages at which each is legal."""

from __future__ import annotations

from nc.compiler.cli.output import Output


def run(out: Output) -> None:
    """List the operations that a graph can hold, and at which stage."""
    from rich.table import Table

    from nc.ir.ops import OPS
    from nc.ir.stages import STAGES

    rows = [
        {
            "name": name,
            "stages": [stage for stage, legal in STAGES.items() if name in legal],
            "summary": (op.__doc__ or "").strip().split("\n")[0],
        }
        for name, op in OPS.items()
    ]

    def table() -> Table:
        drawn = Table("operation", *STAGES, "what it computes", box=None, header_style="bold")
        for row in rows:
            marks = ("x" if stage in row["stages"] else "" for stage in STAGES)
            drawn.add_row(str(row["name"]), *marks, str(row["summary"]))
        return drawn

    out.result({"ops": rows}, lambda c: c.print(table()))
