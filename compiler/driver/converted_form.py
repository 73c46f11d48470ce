"""An ordinary network on a target that runs spikes: the integer graph, and the spiking network made of it.

The truth of the build is the fixed-point spiking network (model.nc); the integer graph beside it (tensor.nc) says
which integers DATA becomes at the input, which are shown at every tick (direct encoding). The decision is the largest
membrane of the outputs after the last tick, ties to the lowest. How well it follows the graph is what `nc eval` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.answers import Answer
from nc.compiler.builds.graphs import INTEGER, Names
from nc.compiler.config import Settings
from nc.compiler.data import Dataset
from nc.compiler.driver.forms import Array, Arrays, Description, Figures
from nc.compiler.driver.spiking_form import INPUT, OBSERVED, OUTPUT, SPIKING, chosen, of_outputs, spiking_options
from nc.compiler.driver.tensor_form import TENSOR
from nc.compiler.progress import Stopwatch
from nc.ir.graph import Graph
from nc.ir.spiking.fixed import FixedNetwork

GRAPH = Names("tensor.nc", "tensor_weights.npz", "integer")


@dataclass(frozen=True, eq=False)
class Converted:
    """`network` computes, over `ticks`, nearly what `graph` does at once."""

    graph: Graph
    network: FixedNetwork
    ticks: int


class ConvertedForm:
    """Satisfies `nc.compiler.driver.forms.Form`; `real` is the float graph."""

    word = SPIKING.word

    def to_integers(self, real: Graph, settings: Settings, calibration: Dataset | None, watch: Stopwatch) -> Converted:
        from nc.compiler.spiking.agreement import observed
        from nc.compiler.spiking.convert import convert, repeat
        from nc.compiler.spiking.quantise import quantise

        graph = TENSOR.to_integers(real, settings, calibration, watch)
        options = spiking_options(settings)
        shown = None if calibration is None else next(iter(TENSOR.bind(graph, calibration, settings).values()))
        with watch.stage("convert"):
            network = convert(graph, None if shown is None else shown.astype(np.float64))
        (port,) = (graph.type(v).int for v in graph.inputs.values())
        precision = replace(options.precision(), input_bits=port.bits, input_signed=port.signed)
        with watch.stage("quantise-spiking"):
            sequences = None if shown is None else repeat(shown, options.ticks).astype(np.float64)
            fixed = quantise(network, precision, sequences)
            fixed.verify()
        fixed = fixed.watching_all() if options.observe == "all" else fixed
        with watch.stage("observe"):
            fixed = fixed if sequences is None else observed(fixed, sequences[:OBSERVED])
        return Converted(graph, fixed, options.ticks)

    def to_stage(self, integer: Converted, stage: str, watch: Stopwatch) -> FixedNetwork:
        return SPIKING.to_stage(integer.network, stage, watch)

    def write(self, model: Converted | Graph, folder: Path, names: Names) -> None:
        if isinstance(model, Graph):
            TENSOR.write(model, folder, names)
            return
        SPIKING.write(model.network, folder, names)
        TENSOR.write(model.graph, folder, GRAPH)

    def read(self, folder: Path, names: Names, settings: Settings) -> Converted | Graph:
        if names != INTEGER:
            return TENSOR.read(folder, names, settings)
        network = SPIKING.read(folder, names, settings)
        assert isinstance(network, FixedNetwork)
        return Converted(TENSOR.read(folder, GRAPH, settings), network, spiking_options(settings).ticks)

    def bind(self, model: Converted | Graph, data: Dataset, settings: Settings) -> dict[str, Array]:
        if isinstance(model, Graph):
            return TENSOR.bind(model, data, settings)
        return self._shown(model, TENSOR.bind(model.graph, data, settings))

    def draw(self, integer: Converted, count: int, settings: Settings) -> dict[str, Array]:
        return self._shown(integer, TENSOR.draw(integer.graph, count, settings))

    def _shown(self, model: Converted, samples: Mapping[str, Array]) -> dict[str, Array]:
        from nc.compiler.spiking.convert import repeat

        (sample,) = samples.values()
        return {INPUT: repeat(sample, model.ticks)}

    def run(self, model: Any, inputs: Mapping[str, Array]) -> Arrays:
        return self.watch(model, inputs, ())[0]

    def watch(self, model: Any, inputs: Mapping[str, Array], layers: Sequence[str]) -> tuple[Arrays, Arrays]:
        if isinstance(model, Graph):
            return TENSOR.watch(model, inputs, layers)
        return SPIKING.watch(_network(model), inputs, layers)

    def decide(self, model: Any, outputs: Mapping[str, Array], reference: Any = None) -> NDArray[np.int64]:
        return self.answers(model, outputs)[0].decided

    def answers(
        self, model: Any, outputs: Mapping[str, Array], reference: Any = None, real: Any = None
    ) -> list[Answer]:
        if isinstance(model, Graph):
            return TENSOR.answers(model, outputs, reference, real)[:1]  # a core has one output frame
        return [chosen(of_outputs(_network(model), outputs[OUTPUT])[:, -1])]

    def reference(self, real: Graph, settings: Settings) -> Graph:
        return TENSOR.reference(real, settings)

    def evaluated(
        self, model: Converted, inputs: Mapping[str, Array], outputs: Mapping[str, Array], labels: Array | None
    ) -> dict[str, object]:
        """The metrics, and the accuracy had the network been stopped after fewer ticks."""
        found = SPIKING.evaluated(model.network, inputs, outputs, labels)
        if labels is not None:
            stops = [t for t in (1, 2, 4, 8, 16, 32, 64) if t < model.ticks] + [model.ticks]
            membranes = of_outputs(model.network, outputs[OUTPUT])
            decided = {t: chosen(membranes[:, t - 1]).decided for t in stops}
            found["accuracy_by_ticks"] = {str(t): float((d == labels).mean()) for t, d in decided.items()}
        return found

    def layers(self, model: Any) -> list[str]:
        return TENSOR.layers(model) if isinstance(model, Graph) else SPIKING.layers(_network(model))

    def results(self, model: Any, outputs: Mapping[str, Array]) -> Arrays:
        return TENSOR.results(model, outputs) if isinstance(model, Graph) else SPIKING.results(_network(model), outputs)

    def real(self, model: Any, name: str, values: Array, layer: bool = False) -> Array:
        if isinstance(model, Graph):
            return TENSOR.real(model, name, values, layer)
        return SPIKING.real(_network(model), name, values, layer)

    def shapes(self, model: Converted | Graph) -> dict[str, tuple[int, ...]]:
        return TENSOR.shapes(model if isinstance(model, Graph) else model.graph)

    def figures(self, integer: Converted) -> Figures:
        return SPIKING.figures(integer.network)

    def describe(self, model: Converted | Graph) -> Description:
        return TENSOR.describe(model) if isinstance(model, Graph) else SPIKING.describe(model.network)


def _network(model: Converted | FixedNetwork) -> FixedNetwork:
    """The spiking network of a converted model, or of what a backend takes of it."""
    return model.network if isinstance(model, Converted) else model


CONVERTED = ConvertedForm()
