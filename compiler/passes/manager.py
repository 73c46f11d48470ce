"""Runs passes in order: verifies between them, times them, and says in every error which passes ran before."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nc.ir.diagnostics import InternalError, NcError
from nc.ir.graph import Graph
from nc.ir.verify import verify


class Pass(Protocol):
    """A frozen dataclass whose fields are its options; `run` is pure. `consumes`/`produces` name stages.

    What a pass needs beyond the graph (calibration data) is a field too, so that a pass says all it depends on.
    """

    name: str
    consumes: str
    produces: str

    def run(self, graph: Graph) -> Graph: ...


@dataclass(frozen=True)
class Step:
    """A pass in a pipeline, and why it stands there."""

    action: Pass
    reason: str


@dataclass(frozen=True)
class Timing:
    """How long a pass took, and the graph it left."""

    name: str
    seconds: float
    nodes: int


def run_passes(
    graph: Graph, steps: Sequence[Step], observe: Callable[[str, Graph], None] | None = None
) -> tuple[Graph, list[Timing]]:
    """The graph after all steps. `observe(name, graph)` is called after each.

    Raises NcError with the trail of passes filled in, InternalError when a pass leaves a malformed graph.
    """
    timings: list[Timing] = []
    trail: tuple[str, ...] = ()
    for step in steps:
        trail = (*trail, step.action.name)
        started = time.perf_counter()
        try:
            graph = step.action.run(graph)
        except NcError as error:
            raise error.located(trail=trail) from None
        try:
            verify(graph, step.action.produces)
        except NcError as error:
            raise InternalError(f"pass '{step.action.name}' left a malformed graph:\n{error}") from error
        timings.append(Timing(step.action.name, time.perf_counter() - started, len(graph.nodes)))
        if observe is not None:
            observe(step.action.name, graph)
    return graph, timings
