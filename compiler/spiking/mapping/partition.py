"""Clusters onto cores: by hypergraph partitioning, or one after another; then a repair for what partitioners ignore."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from nc.compiler.spiking.mapping.hypergraph import Hypergraph, km1
from nc.ir.diagnostics import Collector, ToolMissing, fail
from nc.ir.spiking.connect import IntArray


@dataclass(frozen=True)
class CoreLimits:
    """What a core has: neurons, axons (distinct sources that reach it), fan-in of a neuron."""

    neurons: int = 256
    axons: int = 2048
    fan_in: int = 2048


def check_fan_in(post: IntArray, limits: CoreLimits) -> None:
    """Fan-in does not depend on the mapping: raise NC930 where a neuron has more synapses than a core allows."""
    found = Collector()
    fan_in = np.bincount(post) if len(post) else np.zeros(1, np.int64)
    limit = min(limits.fan_in, limits.axons)
    if fan_in.max() > limit:
        found.error(
            "NC930",
            f"fan-in must be at most {limit}, not {fan_in.max()} ({int((fan_in > limit).sum())} neurons exceed it)",
            help="use a core with more axons, or prune the network",
        )
    found.raise_if_any()


def sequential(graph: Hypergraph, limits: CoreLimits) -> IntArray:
    """Clusters in their order, a new core whenever the next one does not fit: (clusters,)."""
    filling = _Filling(graph, limits)
    for c in range(graph.clusters):
        filling.put(c)
    return filling.part


def partition(
    graph: Hypergraph,
    limits: CoreLimits,
    *,
    slack: float = 0.03,
    most: int | None = None,
    seed: int = 1,
    threads: int = 2,
) -> IntArray:
    """Mt-KaHyPar (deterministic) for km1, repaired; ToolMissing when it is not installed.

    `slack`: share of cores beyond the fewest, which lets the partitioner leave cores unequally full; `most`: cores
    there are.
    """
    total = int(graph.size.sum())
    in_order = sequential(graph, limits)
    if total <= limits.neurons:
        return in_order
    cores = ceil(ceil(total / limits.neurons) * (1 + slack))
    cores = cores if most is None else max(min(cores, most), ceil(total / limits.neurons))
    part = raw_partition(graph, cores, cores * limits.neurons / total - 1, seed=seed, threads=threads)
    # On graphs whose order is already local, filling in order can win.
    return min(repair(graph, part, limits), in_order, key=lambda found: km1(graph, found))


def raw_partition(graph: Hypergraph, cores: int, slack: float, *, seed: int, threads: int) -> IntArray:
    """What Mt-KaHyPar says, without repair."""
    mtk, context, module = _start(seed, threads)
    context.set_partitioning_parameters(cores, slack, module.Objective.KM1)
    ends = np.split(graph.targets, graph.start[1:-1])
    edges, weights = [], []
    # Spike rates as integers that keep three digits.
    scale = 1000.0 / max(float(graph.weight.max(initial=1.0)), 1e-12)
    for own, pins, weight in zip(graph.source.tolist(), ends, (graph.weight * scale).round().astype(int).tolist()):
        row = pins.tolist()
        if own >= 0 and own not in row:
            row.append(own)
        if len(row) > 1 and weight > 0:
            edges.append(row)
            weights.append(weight)
    hyper = mtk.create_hypergraph(context, graph.clusters, len(edges), edges, graph.size.tolist(), weights)
    found = hyper.partition(context)
    return np.array(found.get_partition(), np.int64)


def repair(graph: Hypergraph, part: IntArray, limits: CoreLimits) -> IntArray:
    """Every core within its limits: what does not fit its core goes, in order, to new cores beside it."""
    by_part = np.argsort(part, kind="stable")
    groups = np.split(by_part, np.flatnonzero(np.diff(part[by_part])) + 1)
    filling = _Filling(graph, limits)
    for group in groups:
        filling.open()
        rest = [c for c in group.tolist() if not filling.fits_and_put(c)]
        if rest:
            filling.open()
        for c in rest:
            filling.put(c)
    return filling.part


class _Filling:
    """Cores filled one after another, each cluster looked at once or twice: linear in the pins.

    `part` (clusters,): the core of each cluster so far.
    """

    def __init__(self, graph: Hypergraph, limits: CoreLimits):
        self.limits = limits
        order = np.argsort(graph.targets, kind="stable")
        ends = np.searchsorted(graph.targets[order], np.arange(1, graph.clusters))
        self.incoming = np.split(graph.edge_of_target[order], ends)
        self.size, self.weight = graph.size.tolist(), graph.axons
        # The core that an edge was last brought to: one array in place of a set a core.
        self.brought = np.full(graph.edges, -1)
        self.part = np.full(graph.clusters, -1)
        self.core, self.neurons, self.axons = -1, 0, 0

    def open(self) -> None:
        self.core, self.neurons, self.axons = self.core + 1, 0, 0

    def fits_and_put(self, c: int) -> bool:
        if self.neurons + self.size[c] > self.limits.neurons:
            return False
        edges = self.incoming[c]
        new = edges[self.brought[edges] != self.core]
        more = int(self.weight[new].sum())
        if self.neurons and self.axons + more > self.limits.axons:
            return False
        self.brought[new] = self.core
        self.part[c] = self.core
        self.neurons, self.axons = self.neurons + self.size[c], self.axons + more
        return True

    def put(self, c: int) -> None:
        """Into the open core, or a new one."""
        if self.core < 0 or not self.fits_and_put(c):
            self.open()
            self.fits_and_put(c)


def axons_used(graph: Hypergraph, part: IntArray) -> IntArray:
    """Distinct sources that reach each core."""
    parts = int(part.max(initial=0)) + 1
    pairs = np.unique(graph.edge_of_target * parts + part[graph.targets])
    return np.bincount(pairs % parts, graph.axons[pairs // parts], minlength=parts).astype(np.int64)


_STARTED: dict[int, Any] = {}


def _start(seed: int, threads: int) -> tuple[Any, Any, Any]:
    try:
        import mtkahypar
    except ImportError:
        fail("NC990", "mtkahypar must be installed to partition networks", help="pip install mtkahypar",
             kind=ToolMissing)  # fmt: skip
    if not _STARTED:
        _STARTED[0] = mtkahypar.initialize(threads)  # once a process
    mtkahypar.set_seed(seed)
    context = _STARTED[0].context_from_preset(mtkahypar.PresetType.DETERMINISTIC)
    context.logging = False
    sys.stdout.flush()
    return _STARTED[0], context, mtkahypar
