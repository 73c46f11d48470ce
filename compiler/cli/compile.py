"""`nc compile MODEL -o BUILD --target TARGET`: a model becomes a build directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import Assignments, Batch, Calibration, Config, Model, Shapes, Target, pairs, reading


def run(
    out: Output,
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="BUILD", help="The folder to write.")],
    target: Target,
    calib: Calibration = None,
    config: Config = None,
    assignments: Assignments = None,
    batch: Batch = None,
    shape: Shapes = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that is not a build.")] = False,
    no_float: Annotated[bool, typer.Option("--no-float", help="Leave the float model out of the build.")] = False,
) -> None:
    """Compile a model for a target: checks it, quantises it where needed, writes hardware, bench and manifest."""
    from nc.compiler.driver.compiling import compile

    with out.progress() as progress:
        made = compile(
            model, target=target, output=output, calib=calib, config=config,
            set=[*reading(batch, shape), *(assignments or ())], force=force,
            keep_float=not no_float, progress=progress,
        )  # fmt: skip
    out.warn(made.warnings)
    fields = made.to_json()
    summary = {
        "target": made.build.target,
        "operations": made.ops,
        "parameters": made.parameters,
        "widest integer": f"{made.integer_bits} bits",
        **made.build.manifest.estimate,
        "seconds": made.seconds,
    }
    out.result(fields, lambda c: c.print(pairs(f"{Path(model).name} → {output}", summary)))
