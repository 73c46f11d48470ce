"""Runs the named pipelines on behalf of the front door: float graph to exact integers, and on to a backend's stage."""

from __future__ import annotations

from collections.abc import Sequence

from nc.compiler.config import Common
from nc.compiler.data import Dataset
from nc.compiler.passes import pipelines
from nc.compiler.passes.manager import Step, run_passes
from nc.compiler.ports import real_inputs_of
from nc.compiler.progress import Stopwatch
from nc.ir.graph import Graph

STAGES = {
    "integer": list[Step],  # the target keeps tensor operations
    "primitive": pipelines.to_primitives,
    "spiking": list[Step],  # only spiking networks get here, and they have one stage
}


def to_integers(graph: Graph, common: Common, calibration: Dataset | None, watch: Stopwatch) -> Graph:
    """The integer graph: the truth that everything later equals."""
    inputs = None if calibration is None else real_inputs_of(graph, calibration)
    return _timed(graph, pipelines.to_integers(graph, common, inputs), watch)


def to_stage(graph: Graph, stage: str, watch: Stopwatch) -> Graph:
    """The integer graph at the stage that a backend takes."""
    return _timed(graph, STAGES[stage](), watch)


def _timed(graph: Graph, steps: Sequence[Step], watch: Stopwatch) -> Graph:
    names = [step.action.name for step in steps]
    if names:
        watch.listener.stage(names[0])

    def listen(name: str, graph: Graph) -> None:
        del graph
        after = names.index(name) + 1
        if after < len(names):
            watch.listener.stage(names[after])

    graph, timings = run_passes(graph, steps, listen)
    watch.seconds.update({timing.name: timing.seconds for timing in timings})
    return graph
