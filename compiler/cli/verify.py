"""`nc verify BUILD`: the chain of equivalences, each link named with its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import BuildFolder

if TYPE_CHECKING:
    from rich.table import Table

_COLOURS = {"equal": "green", "different": "bold red", "measured": "cyan", "skipped": "yellow"}


def run(out: Output, build: BuildFolder) -> int:
    """Verify a build: every link from the float model to the emitted hardware. Exit code 1 when one is broken."""
    from nc.compiler.driver.verifying import verify

    with out.progress() as progress:
        progress.stage(f"verify {build.name}")
        found = verify(build)

    def table() -> Table:
        from rich.table import Table
        from rich.text import Text

        drawn = Table("link", "verdict", "detail", box=None, header_style="bold")
        for link in found.links:
            drawn.add_row(link.name, Text(link.verdict, style=_COLOURS[link.verdict]), link.detail)
        return drawn

    out.result(found.to_json(), lambda c: c.print(table()))
    return 0 if found.ok else 1
