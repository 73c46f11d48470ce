"""A network onto a mesh of cores, with a report: cores, km1, hops, utilisation, and a picture of the load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nc.compiler.spiking.mapping.hypergraph import Hypergraph, build, flat_synapses, km1, traffic
from nc.compiler.spiking.mapping.partition import CoreLimits, axons_used, check_fan_in, partition, sequential
from nc.compiler.spiking.mapping.place import hops, mesh_size, place
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import FloatArray, Network


@dataclass(frozen=True)
class Mapping2D:
    """`core` (neurons,) in evaluation order; `at` (cores, 2) cells of a mesh (width, height)."""

    core: IntArray
    at: IntArray
    mesh: tuple[int, int]
    graph: Hypergraph
    part: IntArray

    @property
    def cores(self) -> int:
        return len(self.at)

    def report(self, limits: CoreLimits) -> dict[str, object]:
        """JSON types: spikes are per tick at the rates given to the mapper."""
        source, target, spikes = traffic(self.graph, self.part)
        neurons = np.bincount(self.core, minlength=self.cores)
        axons = axons_used(self.graph, self.part)
        weighted = hops(self.at, source, target, spikes)
        return {
            "cores": self.cores,
            "mesh": list(self.mesh),
            "km1": km1(self.graph, self.part),
            "spikes_between_cores": float(spikes.sum()),
            "hops": weighted,
            "mean_hops": weighted / max(float(spikes.sum()), 1e-12),
            "neuron_utilisation": float(neurons.mean() / limits.neurons),
            "axon_utilisation": float(axons.mean() / limits.axons),
            "most_axons": int(axons.max(initial=0)),
            "cells": [
                {"x": x, "y": y, "neurons": n, "axons": a}
                for (x, y), n, a in zip(self.at.tolist(), neurons.tolist(), axons.tolist())
            ],
        }


def map_network(
    network: Network | FixedNetwork,
    limits: CoreLimits,
    *,
    rates: Mapping[str, FloatArray] | None = None,
    mesh: tuple[int, int] | None = None,
    method: str = "hypergraph",
    seed: int = 1,
) -> Mapping2D:
    """`rates`: spikes a tick by population (measured on data); `method`: hypergraph or sequential.

    Raises NC930 for a fan-in that no mapping can satisfy, NC932 when the mesh is too small.
    """
    _, post, _, _ = flat_synapses(network)
    check_fan_in(post, limits)
    # Sequential filling takes neurons as they are numbered; partitioning moves clusters of an eighth of a core.
    graph = build(network, rates, largest=max(1, limits.neurons // 8) if method == "hypergraph" else 1)
    most = None if mesh is None else mesh[0] * mesh[1]
    part = partition(graph, limits, most=most, seed=seed) if method == "hypergraph" else sequential(graph, limits)
    part = _dense(part)
    source, target, spikes = traffic(graph, part)
    cores = int(part.max()) + 1
    size = mesh or mesh_size(cores)
    at = place(cores, source, target, spikes, size, seed=seed)
    return Mapping2D(part[graph.cluster], at, size, graph, part)


def _dense(part: IntArray) -> IntArray:
    """Parts numbered without gaps."""
    return np.unique(part, return_inverse=True)[1].reshape(-1)


def heat_map(mapping: Mapping2D) -> str:
    """An SVG of the mesh: darker cells send and receive more spikes."""
    source, target, spikes = traffic(mapping.graph, mapping.part)
    load = np.bincount(source, spikes, minlength=mapping.cores) + np.bincount(target, spikes, minlength=mapping.cores)
    top = max(float(load.max(initial=0.0)), 1e-12)
    width, height = mapping.mesh
    cells = []
    for core, ((x, y), value) in enumerate(zip(mapping.at.tolist(), load.tolist())):
        shade = round(255 - 200 * value / top)
        cells.append(
            f'<rect x="{x * 20}" y="{y * 20}" width="19" height="19" fill="rgb({shade},{shade},255)">'
            f"<title>core {core}: {value:.1f} spikes a tick</title></rect>"
        )
    size = f'width="{width * 20}" height="{height * 20}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>' + "".join(cells) + "</svg>\n"
