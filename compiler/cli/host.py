"""`nc host --port PORT BUILD`: data through a board and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import BuildFolder, Data, pairs
from nc.ir.diagnostics import Diagnostic

if TYPE_CHECKING:
    from nc.compiler.driver.hosting import Hosted

Vectors = Annotated[int | None, typer.Option("--vectors", metavar="N", help="How many samples of DATA; default: all.")]


def run(
    out: Output,
    build: BuildFolder,
    port: Annotated[str, typer.Option("--port", metavar="PORT", help="The board's serial port, as /dev/ttyUSB1.")],
    data: Data = None,
    vectors: Vectors = None,
) -> int:
    """Send data to a board that runs a build's bitstream, and compare its answers with the golden model.

    Exit code 1 when any answer differs.
    """
    from nc.compiler.driver.hosting import host

    with out.progress() as progress:
        progress.stage(f"{build.name} on {port}")
        found = host(build, data, port=port, vectors=vectors)
    return report(out, found, f"{build} on {port}")


def report(out: Output, found: Hosted, title: str) -> int:
    """The figures, the first mismatch, and the exit code."""
    fields = found.to_json()
    if found.mismatches and not out.json:
        out.warn([Diagnostic("NC430", f"the board must agree with the golden model, not differ in {found.mismatches} "
                             "vectors", op=str(found.first_mismatch))])  # fmt: skip
    out.result(fields, lambda c: c.print(pairs(title, {k: v for k, v in fields.items() if k != "first_mismatch"})))
    return 1 if found.mismatches else 0
