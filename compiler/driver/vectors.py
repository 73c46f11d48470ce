"""Test vectors: integers at the ports, from DATA or drawn from the ports' exact ranges, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.data import Dataset
from nc.compiler.ports import inputs_of
from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate
from nc.ir.stream import Probe, StreamSpec

Array = NDArray[Any]
DEFAULT_VECTORS = 256


@dataclass(frozen=True)
class Vectors:
    """Arrays (N, *shape): `inputs` and `expected` by port name, `probes` by layer."""

    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    probes: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.expected.values())))

    def at(self, spec: StreamSpec) -> tuple[list[Array], list[Array]]:
        """Inputs and expectations in the order of the stream's ports."""
        return [self.inputs[p.name] for p in spec.inputs], [self.expected[p.name] for p in spec.outputs]


def make_vectors(graph: Graph, data: Dataset | None, count: int | None, seed: int, probes: Sequence[Probe]) -> Vectors:
    """The first `count` samples of `data` (all without `count`), or `count` random ones (256 without).

    `graph` is the truth: what it computes is what is expected. A probe's layer names a node by its origin, or as
    '%N' by its value; layers that the graph does not know are left out.
    """
    if data is not None:
        inputs = inputs_of(graph, data if count is None else data.head(count))
    else:
        inputs = random_inputs(graph, count or DEFAULT_VECTORS, seed)
    values = {p.layer: v for p in probes if (v := _value(graph, p.layer)) is not None}
    results = evaluate(graph, inputs, probes=tuple(values.values()))
    return Vectors(
        inputs,
        {label: results[label] for label in graph.outputs},
        {layer: results[f"%{value}"] for layer, value in values.items()},
    )


def random_inputs(graph: Graph, count: int, seed: int) -> dict[str, Array]:
    """Uniform integers of the ports' ranges; the first two vectors are the two ends of every range."""
    rng = np.random.default_rng(seed)
    drawn = {}
    for label, value in graph.inputs.items():
        kind = graph.type(value)
        element = kind.int
        levels = (element.hi - element.lo) // element.step
        steps = rng.integers(0, levels, (count, *kind.shape), endpoint=True)
        steps[:1], steps[1:2] = 0, levels
        drawn[label] = element.lo + element.step * steps
    return drawn


def _value(graph: Graph, layer: str) -> Value | None:
    if layer.startswith("%") and layer[1:].isdigit():
        value = int(layer[1:])
        return value if value < len(graph.nodes) else None
    return next((v for v in range(len(graph.nodes) - 1, -1, -1) if graph.nodes[v].origin == layer), None)
