"""`nc simulate BUILD`: the generated hardware on test vectors, compared with the golden model."""

from __future__ import annotations

from typing import Annotated

import typer

from nc.compiler.cli import completion
from nc.compiler.cli.output import Output
from nc.compiler.cli.words import BuildFolder, Data, pairs, shown
from nc.ir.diagnostics import Diagnostic


def run(
    out: Output,
    build: BuildFolder,
    data: Data = None,
    vectors: Annotated[
        int | None, typer.Option("--vectors", metavar="N", help="How many; default: all, or 256.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="auto, golden, or one of the target's: verilator, icarus, amaranth, ...")
    ] = "auto",
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="NAME",
            help="Through the serial port of this board's bitstream.",
            autocompletion=completion.boards,
        ),
    ] = None,
    waves: Annotated[bool, typer.Option("--waves", help="Record waves into reports/.")] = False,
) -> int:
    """Simulate a build's hardware with random stalls and compare every output with the golden model.

    Exit code 1 when any vector differs. A file is a deck of a Josephson circuit (--engine circuit): its pulses.
    """
    from nc.compiler.driver.simulating import simulate
    from nc.sim.circuit_engine import is_deck, simulate_deck

    if engine == "circuit" or is_deck(build):
        found_pulses = simulate_deck(build, waves=build.with_suffix(".csv") if waves else None)
        out.result(found_pulses, lambda c: c.print(pairs(f"simulation of {build}", found_pulses)))
        return 0

    if board is not None:
        from nc.compiler.cli.host import report
        from nc.compiler.driver.hosting import simulate_board

        with out.progress() as progress:
            progress.stage(f"simulate {build.name} on {board}")
            answered = simulate_board(build, data, board=board, vectors=vectors)
        return report(out, answered, f"{build} on a simulated {board}")
    with out.progress() as progress:
        progress.stage(f"simulate {build.name}")
        found = simulate(build, data, vectors=vectors, engine=engine, waves=waves)
    fields = {k: v for k, v in found.to_json().items() if k != "first_mismatch"}
    if not found.ok and not out.json:
        out.warn([_mismatch(found.first_mismatch, found.mismatches, found.more.get("violations"))])
    out.result(found.to_json(), lambda c: c.print(pairs(f"simulation of {build}", fields)))
    return 0 if found.ok else 1


def _mismatch(first: object, count: int, violations: object) -> Diagnostic:
    if not count:
        return Diagnostic("NC430", f"the hardware must keep the stream protocol, not break it: {shown(violations)}")
    text = str(first.get("text", first)) if isinstance(first, dict) else "no details"
    return Diagnostic("NC430", f"the hardware must agree with the golden model, not differ in {count} vectors", op=text)
