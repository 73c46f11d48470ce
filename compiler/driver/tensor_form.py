"""Tensor graphs as the front door sees them: integers by `integerize`, run by the interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nc.compiler.answers import Answer, answers, decisions
from nc.compiler.builds.graphs import Names, read_graph, write_graph
from nc.compiler.config import Settings
from nc.compiler.data import Dataset
from nc.compiler.driver.forms import Array, Arrays, Description, Figures, Row
from nc.compiler.driver.prepare import to_integers, to_stage
from nc.compiler.passes.strip_heads import StripHeads
from nc.compiler.ports import inputs_of, real_of
from nc.compiler.progress import Stopwatch
from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate


class TensorForm:
    """Satisfies `nc.compiler.driver.forms.Form`."""

    word = "graph"

    def to_integers(self, real: Graph, settings: Settings, calibration: Dataset | None, watch: Stopwatch) -> Graph:
        return to_integers(real, settings.common, calibration, watch)

    def to_stage(self, integer: Graph, stage: str, watch: Stopwatch) -> Graph:
        return to_stage(integer, stage, watch)

    def write(self, model: Graph, folder: Path, names: Names) -> None:
        write_graph(model, folder, names)

    def read(self, folder: Path, names: Names, settings: Settings) -> Graph:
        return read_graph(folder, names)

    def bind(self, model: Graph, data: Dataset, settings: Settings) -> dict[str, Array]:
        return inputs_of(model, data)

    def draw(self, integer: Graph, count: int, settings: Settings) -> dict[str, Array]:
        """Uniform; the first two vectors are the two ends of every range."""
        rng = np.random.default_rng(settings.common.seed)
        drawn = {}
        for label, value in integer.inputs.items():
            kind = integer.type(value)
            element = kind.int
            levels = (element.hi - element.lo) // element.step
            steps = rng.integers(0, levels, (count, *kind.shape), endpoint=True)
            steps[:1], steps[1:2] = 0, levels
            drawn[label] = element.lo + element.step * steps
        return drawn

    def to_real(self, integer: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return {label: real_of(values, integer.type(integer.inputs[label])) for label, values in inputs.items()}

    def run(self, model: Graph, inputs: Mapping[str, Array]) -> Arrays:
        return self.watch(model, inputs, ())[0]

    def watch(self, model: Graph, inputs: Mapping[str, Array], layers: Sequence[str]) -> tuple[Arrays, Arrays]:
        """A layer is named by the origin of its last node, or as '%N' by its value."""
        values = {layer: v for layer in layers if (v := _value(model, layer)) is not None}
        results = evaluate(model, inputs, probes=tuple(values.values()))
        outputs = {label: results[label] for label in model.outputs}
        return outputs, {layer: results[f"%{value}"] for layer, value in values.items()}

    def decide(self, model: Graph, outputs: Mapping[str, Array], reference: Graph | None = None) -> NDArray[np.int64]:
        return decisions(model, outputs, reference)

    def answers(
        self, model: Graph, outputs: Mapping[str, Array], reference: Graph | None = None, real: Graph | None = None
    ) -> list[Answer]:
        return answers(model, outputs, reference, real)

    def reference(self, real: Graph, settings: Settings) -> Graph:
        return StripHeads(settings.common.output).run(real)

    def layers(self, model: Graph) -> list[str]:
        """Nodes by their names in the model, each by its last; those without a name are no layers of the model."""
        found = (n.origin for n in reversed(model.nodes) if n.origin and n.constant is None and n.op.name != "input")
        return list(dict.fromkeys(found))[::-1]

    def results(self, model: Graph, outputs: Mapping[str, Array]) -> Arrays:
        return dict(outputs)

    def real(self, model: Graph, name: str, values: Array, layer: bool = False) -> Array:
        value = _value(model, name) if layer else model.outputs[name]
        kind = None if value is None else model.type(value)
        return real_of(values, kind) if kind is not None and kind.is_int and kind.meaning is not None else values

    def shapes(self, model: Graph) -> dict[str, tuple[int, ...]]:
        return {label: model.type(value).shape for label, value in model.inputs.items()}

    def figures(self, integer: Graph) -> Figures:
        return Figures(
            ops=sum(node.op.name not in ("input", "constant") for node in integer.nodes),
            parameters=integer.parameters,
            bits=max((node.type.int.bits for node in integer.nodes), default=0),
        )

    def describe(self, model: Graph) -> Description:
        return Description(
            {label: str(model.type(v)) for label, v in model.inputs.items()},
            {label: str(model.type(v)) for label, v in model.outputs.items()},
            [Row(n.op.name, str(n.type), n.origin) for n in model.nodes if n.constant is None],
        )


def _value(graph: Graph, layer: str) -> Value | None:
    if layer.startswith("%") and layer[1:].isdigit():
        value = int(layer[1:])
        return value if value < len(graph.nodes) else None
    return next((v for v in range(len(graph.nodes) - 1, -1, -1) if graph.nodes[v].origin == layer), None)


TENSOR = TensorForm()
