"""Runs passes one after another: checks every result, keeps the trail for errors, times each.

The order of passes stands only in named pipelines (`nc.compiler.pipelines`), each step with its reason beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nc.compiler.progress import Stopwatch
from nc.ir.diagnostics import InternalError, NcError
from nc.ir.graph import Graph
from nc.ir.verify import verify


class Pass(Protocol):
    """A frozen dataclass whose fields are its options; `run` is pure. `produces`: the stage of its result."""

    name: str
    produces: str

    def run(self, graph: Graph) -> Graph: ...


def run_passes(graph: Graph, passes: Sequence[Pass], watch: Stopwatch | None = None) -> Graph:
    """Apply `passes` in order. The result of each is verified: what is wrong there is a defect of that pass.

    Raises the passes' own `NcError` with the trail of passes; InternalError for a malformed result.
    """
    watch = watch or Stopwatch()
    trail: list[str] = []
    for step in passes:
        trail.append(step.name)
        with watch.stage(step.name):
            try:
                graph = step.run(graph)
            except NcError as error:
                raise error.located(trail=tuple(trail)) from None
            try:
                verify(graph, step.produces)
            except NcError as error:
                raise InternalError(f"pass '{step.name}' made a malformed graph:\n{error}") from error
    return graph
