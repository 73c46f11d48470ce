"""`nc demo`: one trained network through the whole flow, and one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import pairs


def run(
    out: Output,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="BUILD", help="The folder to write.")] = Path(
        "build/demo"
    ),
    device: Annotated[str, typer.Option("--device", help="Where to place and route.")] = "ice40-hx8k",
) -> int:
    """Compile the digits network, simulate all its test images, place and route it, and print one table."""
    from nc.compiler.driver.demo import demo

    with out.progress() as progress:
        done = demo(output, device, progress)
    accuracy, simulation, synthesis = done.evaluation, done.simulation, done.synthesis
    table = {
        "network": f"{done.compiled.parameters:,} parameters, widest integer {done.compiled.integer_bits} bits",
        "accuracy, float": accuracy.float_accuracy,
        "accuracy, integer": accuracy.accuracy,
        "accuracy, hardware": simulation.accuracy,
        "simulated": f"{simulation.vectors} images in {simulation.engine}, {simulation.mismatches} mismatches",
        "latency": None if simulation.latency_cycles is None else f"{simulation.latency_cycles} cycles",
        "initiation interval": None if simulation.ii_cycles is None else f"{simulation.ii_cycles:g} cycles",
        "device": synthesis.device,
        "LUTs": synthesis.luts,
        "flip-flops": synthesis.ffs,
        "Fmax": None if synthesis.fmax_mhz is None else f"{synthesis.fmax_mhz:.1f} MHz",
        "bitstream": synthesis.bitstream,
        "build": str(output),
        "seconds": done.seconds,
    }
    out.result(done.to_json(), lambda c: c.print(pairs("digits MLP", table)))
    return 0 if done.ok else 1
