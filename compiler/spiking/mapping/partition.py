"""Clusters onto cores: by hypergraph partitioning, or one after another; then a repair for what partitioners ignore."""

from __future__ import annotations

import sys
from collections.abc import Iterable
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
    """Clusters in their order, a new core whenever one is full: (clusters,)."""
    return _fill([np.arange(graph.clusters)], graph, limits)


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
    """Every core within its limits: the clusters of a core that do not fit open a new one, in order."""
    by_part = np.argsort(part, kind="stable")
    groups = np.split(by_part, np.flatnonzero(np.diff(part[by_part])) + 1)
    return _fill(groups, graph, limits)


def _fill(groups: Iterable[IntArray], graph: Hypergraph, limits: CoreLimits) -> IntArray:
    """Clusters group by group into cores; a core is closed at the end of its group or when it is full."""
    edge, order = graph.edge_of_target, np.argsort(graph.targets, kind="stable")
    incoming = np.split(edge[order], np.searchsorted(graph.targets[order], np.arange(1, graph.clusters)))
    part = np.full(graph.clusters, -1)
    used: list[tuple[int, set[int], int]] = []
    for group in groups:
        neurons, axons, count = 0, set[int](), 0
        left = []
        for c in group.tolist():
            new = set(incoming[c].tolist()) - axons
            more = int(graph.axons[list(new)].sum()) if new else 0
            if neurons + graph.size[c] > limits.neurons or count + more > limits.axons:
                left.append(c)
                continue
            part[c] = len(used)
            neurons, count = neurons + int(graph.size[c]), count + more
            axons |= new
        used.append((neurons, axons, count))
        while left:
            left = _place_rest(left, part, used, incoming, graph, limits)
    return part


def _place_rest(
    left: list[int], part: IntArray, used: list[tuple[int, set[int], int]], incoming: list[IntArray],
    graph: Hypergraph, limits: CoreLimits,
) -> list[int]:  # fmt: skip
    """Open a core for the clusters that did not fit, in order; returns what still does not."""
    neurons, axons, count = 0, set[int](), 0
    rest = []
    for c in left:
        new = set(incoming[c].tolist()) - axons
        more = int(graph.axons[list(new)].sum()) if new else 0
        if neurons and (neurons + graph.size[c] > limits.neurons or count + more > limits.axons):
            rest.append(c)
            continue
        part[c] = len(used)
        neurons, count = neurons + int(graph.size[c]), count + more
        axons |= new
    used.append((neurons, axons, count))
    return rest


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
