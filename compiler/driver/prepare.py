"""The named pipelines: from the float graph to exact integers, and on to the stage that a backend takes."""

from __future__ import annotations

from nc.compiler.config import Common
from nc.compiler.data import Dataset
from nc.compiler.passes.decompose import Decompose
from nc.compiler.passes.integerize import Integerize
from nc.compiler.pipeline import Pass, run_passes
from nc.compiler.ports import port_of
from nc.compiler.progress import Stopwatch
from nc.ir.diagnostics import Collector, Where, suggest
from nc.ir.graph import Graph


def to_integers(graph: Graph, common: Common, calibration: Dataset | None, watch: Stopwatch) -> Graph:
    """The integer graph: the truth that everything later equals."""
    _check_inputs(graph, common)
    return run_passes(graph, integer_pipeline(graph, common, calibration), watch)


def integer_pipeline(graph: Graph, common: Common, calibration: Dataset | None) -> list[Pass]:
    """float -> integer. A model with quantisers of its own keeps its arithmetic."""
    del calibration
    ports = {name: port for name, section in common.input.items() if (port := port_of(section)) is not None}
    return [
        Integerize(ports, common.output),  # scales become fractions, quantisers exact staircases
    ]


def to_stage(graph: Graph, stage: str, watch: Stopwatch) -> Graph:
    """The integer graph at the stage a backend takes: 'integer' keeps tensor operations, 'primitive' does not."""
    return run_passes(graph, STAGE_PIPELINES[stage], watch)


STAGE_PIPELINES: dict[str, list[Pass]] = {
    "integer": [],
    "primitive": [Decompose()],  # convolutions and pools become rewiring and matrix products
}


def _check_inputs(graph: Graph, common: Common) -> None:
    """Options of inputs that the model does not have are mistakes, found before any work (NC411)."""
    found = Collector()
    for name in common.input.keys() - graph.inputs.keys():
        found.error("NC411", f"'input.{name}' must name an input of the model", where=Where(tensor=name),
                    help=suggest(name, graph.inputs))  # fmt: skip
    found.raise_if_any()
