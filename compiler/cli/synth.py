"""`nc synth BUILD|FILE`: real figures from synthesis, and from place and route where asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import Board, Device, pairs


def run(
    out: Output,
    source: Annotated[Path, typer.Argument(metavar="BUILD|FILE", help="A build, or Verilog, AIGER or BLIF.")],
    device: Device = None,
    board: Board = None,
    pnr: Annotated[bool, typer.Option("--pnr", help="Place and route, to a bitstream and Fmax.")] = False,
    liberty: Annotated[Path | None, typer.Option("--liberty", metavar="FILE", help="Standard cells (.lib).")] = None,
    cells: Annotated[str | None, typer.Option("--cells", help="ftl, sfq or egfet, for a netlist file.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="For FILE: where to write.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the placer.")] = 1,
    limit: Annotated[float | None, typer.Option("--limit", metavar="SECONDS", help="Time limit of each tool.")] = None,
) -> None:
    """Synthesise a build or a netlist file, and count what it takes."""
    from nc.compiler.driver.synthesising import synth

    with out.progress() as progress:
        progress.stage(f"synthesise {source.name}")
        result = synth(
            source, device=device, board=board, pnr=pnr, liberty=liberty, cells=cells, output=output, seed=seed,
            limit_s=limit,
        )  # fmt: skip
    out.warn(result.warnings)
    found = result.to_json()
    out.result(found, lambda c: c.print(pairs(f"synthesis of {source}", found)))
