"""`nc run BUILD|MODEL --data DATA -o FILE`: what the network answers, as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nc.compiler.cli import completion
from nc.compiler.cli.output import Output
from nc.compiler.cli.words import Assignments, Samples
from nc.ir.diagnostics import Diagnostic

if TYPE_CHECKING:
    from rich.console import Console

    from nc.compiler.driver.running import Answers

_ROWS, _ELEMENTS = 10, 8  # samples and elements shown in a table


def run(
    out: Output,
    model: Annotated[str, typer.Argument(metavar="BUILD|MODEL", help="A build, or a model file (runs as float).")],
    data: Samples,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help=".npz, .npy or .csv; without: a table.")
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", help="golden, or a simulator of the hardware.", autocompletion=completion.engines),
    ] = "golden",
    board: Annotated[
        str | None, typer.Option("--board", metavar="PORT", help="A board with the bitstream, as /dev/ttyUSB1.")
    ] = None,
    integers: Annotated[bool, typer.Option("--integers", help="The integers at the ports, in and out.")] = False,
    layers: Annotated[bool, typer.Option("--layers", help="The values of every layer, too.")] = False,
    vectors: Annotated[int | None, typer.Option("--vectors", metavar="N", help="Only the first N samples.")] = None,
    assignments: Assignments = None,
) -> int:
    """Run a network on data and write what it answers: arrays by output name, real values unless --integers.

    Exit code 1 when hardware answers something else than the golden model.
    """
    from nc.compiler.driver.answer_files import checked_place, write_answers
    from nc.compiler.driver.running import run as answers_of

    if output is not None:
        checked_place(output)
    with out.progress() as progress:
        found = answers_of(
            model, data, engine=engine, board=board, integers=integers, layers=layers, vectors=vectors,
            set=assignments or (), progress=progress,
        )  # fmt: skip
        if output is not None:
            write_answers(output, found.arrays())
    fields = {**found.to_json(), "output": None if output is None else str(output)}
    if found.mismatches and not out.json:
        message = f"the hardware must agree with the golden model, not differ in {found.mismatches} samples"
        out.warn([Diagnostic("NC430", message, help="nc simulate BUILD --data DATA names the first")])
    if output is None:
        fields["values"] = {name: array.tolist() for name, array in found.arrays().items()}
    out.warn(found.notes)
    out.result(fields, lambda c: _show(c, found, output))
    return 0 if found.ok else 1


def _show(console: Console, found: Answers, output: Path | None) -> None:
    """The first samples, or what was written."""
    from rich.table import Table

    from nc.compiler.cli.words import pairs
    from nc.compiler.driver.answer_files import columns

    arrays, title = found.arrays(), f"{found.samples} samples by {found.engine}"
    if output is not None:
        written = {name: f"{array.dtype} {list(array.shape)}" for name, array in arrays.items()}
        console.print(pairs(f"{title} → {output}", written))
        return
    console.print(title, style="bold")
    names = columns(arrays)
    drawn = Table(box=None)
    for name in ["", *names[:_ELEMENTS]]:
        drawn.add_column(name, justify="right")
    flat = [array.reshape(len(array), -1) for array in arrays.values()]
    for sample in range(min(found.samples, _ROWS)):
        values = [value for part in flat for value in part[sample, :_ELEMENTS].tolist()][:_ELEMENTS]
        drawn.add_row(str(sample), *(f"{v:.6g}" if isinstance(v, float) else str(v) for v in values))
    console.print(drawn)
    left = {"samples": found.samples - _ROWS, "columns": len(names) - _ELEMENTS}
    if any(n > 0 for n in left.values()):
        more = " and ".join(f"{n:,} more {what}" for what, n in left.items() if n > 0)
        console.print(f"{more}: -o FILE takes all")
