"""`nc explore MODEL --target T --data DATA --space space.yaml -o DIR`: search the design space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nc.compiler.cli.output import Output
from nc.compiler.cli.words import (
    DATA,
    Assignments,
    Batch,
    Calibration,
    Config,
    Model,
    Samples,
    Shapes,
    Target,
    reading,
    shown,
)

if TYPE_CHECKING:
    from rich.table import Table

_COMMON = ("accuracy", "agreement", "luts", "ffs", "fmax_mhz", "area_cm2", "adder_bits", "latency_cycles")


def run(
    out: Output,
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The exploration's folder.")],
    target: Target,
    data: Samples,
    space: Annotated[Path, typer.Option("--space", metavar="FILE", help="What varies and what is wanted, in YAML.")],
    calib: Calibration = None,
    config: Config = None,
    assignments: Assignments = None,
    batch: Batch = None,
    shape: Shapes = None,
    test: Annotated[
        Path | None, typer.Option("--test", metavar=DATA, help="Samples on which only the result is judged.")
    ] = None,
    storage: Annotated[str | None, typer.Option("--storage", metavar="URL", help="A database that runs share.")] = None,
    workers: Annotated[str, typer.Option("--workers", metavar="N|URL", help="Processes, or dask://HOST:PORT.")] = "1",
) -> None:
    """Search a space of options for the best trade-offs. Run again, it goes on where it was."""
    from nc.compiler.exploring.explore import explore

    with out.progress() as progress:
        found = explore(
            model, target=target, data=data, space=space, output=output, calib=calib, config=config,
            set=[*reading(batch, shape), *(assignments or ())], test=test, storage=storage, workers=workers,
            progress=progress,
        ).to_json()  # fmt: skip
    out.result(found, lambda c: c.print(_table(found)))


def _table(found: Mapping[str, Any]) -> Table:
    """The front, options then what was asked for and other figures that differ, with the baseline as the last row."""
    from rich.table import Table

    rows = {**{str(i): p for i, p in enumerate(found["front"])}, "default": {"options": {}, **found["baseline"]}}
    points = list(rows.values())
    options = list(dict.fromkeys(k for p in points for k in p["options"]))
    asked = [*found["objectives"], *(rule.split(" ")[0] for rule in found["constraints"])]
    differing = [k for k in _COMMON if len({p["metrics"].get(k) for p in points}) > 1]
    figures = list(dict.fromkeys([*asked, *differing]))
    drawn = Table(title=f"{found['trials']} points, {len(points) - 1} of them best", title_justify="left", box=None)
    for name in ["", *_short(options), *figures, *(["test"] if "test" in points[0] else [])]:
        drawn.add_column(name.replace("_", " "), overflow="fold")
    for name, point in rows.items():
        chosen = [*(point["options"].get(k, "") for k in options), *(point["metrics"].get(k, "") for k in figures)]
        drawn.add_row(name, *map(shown, chosen), *_judged(point))
    return drawn


def _short(paths: Sequence[str]) -> list[str]:
    """Option paths without what goes before the parts that tell them apart."""
    parts = [path.split(".") for path in paths]

    def ending(path: list[str]) -> str:
        lengths = range(1, len(path) + 1)
        alone = (n for n in lengths if sum(other[-n:] == path[-n:] for other in parts) == 1)
        return ".".join(path[-next(alone, len(path)) :])

    return [ending(path) for path in parts]


def _judged(point: Mapping[str, Any]) -> list[str]:
    """What the point does on the test data, with one standard error."""
    found = point.get("test")
    if found is None:
        return []
    share = found["accuracy"] if found["accuracy"] is not None else found["agreement"]
    return [f"{share:.4f} ± {found['standard_error']:.4f}"]
