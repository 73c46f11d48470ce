"""`nc eval BUILD --data DATA`: the golden model's accuracy, agreement with the float model, and speed."""

from __future__ import annotations

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import BuildFolder, Samples, pairs


def run(
    out: Output,
    build: BuildFolder,
    data: Samples,
) -> None:
    """Evaluate the golden model of a build on data."""
    from nc.compiler.driver.evaluating import evaluate

    with out.progress() as progress:
        progress.stage(f"evaluate {build.name} on {data.name}")
        found = evaluate(build, data).to_json()
    out.result(found, lambda c: c.print(pairs(f"{build} on {data.name}", found)))
