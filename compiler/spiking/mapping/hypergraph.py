"""The hypergraph of a network: one edge a source, over the source itself and all its targets, weighted by its spikes.

km1, the sum over edges of weight · (parts touched - 1), counts the copies of spikes that leave their core when a core
receives each spike once (multicast).

Neurons with the same sources and the same targets are *twins* (all channels of a convolution at one pixel): they are
contracted to clusters, and their edges, equal but for the source, become one. Networks of regular layers shrink by
the product of their channels, others stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import FloatArray, Network


@dataclass(frozen=True)
class Hypergraph:
    """Clusters of neurons and edges of sources.

    `cluster` (neurons,) the cluster of each neuron; `size` (clusters,) neurons. Edges in compressed rows: edge e has
    `targets[start[e] : start[e + 1]]` (clusters, without the source's), `source[e]` (cluster, -1 for an input),
    `axons[e]` how many sources it stands for, `weight[e]` their spikes together.
    """

    cluster: IntArray
    size: IntArray
    start: IntArray
    targets: IntArray
    source: IntArray
    axons: IntArray
    weight: FloatArray

    @property
    def clusters(self) -> int:
        return len(self.size)

    @property
    def edges(self) -> int:
        return len(self.source)

    @property
    def edge_of_target(self) -> IntArray:
        return np.repeat(np.arange(self.edges), np.diff(self.start))


def flat_synapses(network: Network | FixedNetwork) -> tuple[IntArray, IntArray, int, int]:
    """(pre, post, inputs, neurons): sources numbered inputs first, then neurons in evaluation order; targets from 0."""
    inputs = sum(p.size for p in network.inputs)
    base, size = {}, 0
    fed = {p.name for p in network.inputs}
    for p in (*network.inputs, *(p for p in network.order if p.name not in fed)):
        base[p.name] = size
        size += p.size
    pre = [q.connectivity.synapses.pre + base[q.source] for q in network.projections]
    post = [q.connectivity.synapses.post + base[q.target] - inputs for q in network.projections]
    return np.concatenate(pre), np.concatenate(post), inputs, size - inputs


def build(
    network: Network | FixedNetwork, rates: Mapping[str, FloatArray] | None = None, *, largest: int = 32
) -> Hypergraph:
    """`rates`: spikes a tick of each population's neurons (default 1 each); `largest`: neurons of a cluster."""
    pre, post, inputs, neurons = flat_synapses(network)
    weight = np.ones(inputs + neurons)
    if rates:
        ordered = (*network.inputs, *(p for p in network.order if p.name not in {i.name for i in network.inputs}))
        weight = np.concatenate([np.broadcast_to(rates.get(p.name, np.ones(1)), (p.size,)) for p in ordered])
    return contract(pre, post, inputs, neurons, weight, largest)


def contract(pre: IntArray, post: IntArray, inputs: int, neurons: int, weight: FloatArray, largest: int) -> Hypergraph:
    """Cluster twins and merge their edges. `largest` 1 keeps every neuron and every edge."""
    rng = np.random.default_rng(20)
    # Sets are compared by sums of random 64-bit numbers: equal sets give equal sums, others differ almost surely.
    by_sources = _fingerprint(post, pre, neurons, inputs + neurons, rng)
    by_targets = _fingerprint(pre, post, inputs + neurons, neurons, rng)
    cluster = _clusters(np.stack([by_sources, by_targets[inputs:]]), largest)
    size = np.bincount(cluster)
    group = _clusters(by_targets[None, :inputs], largest)
    source_groups = np.concatenate([group, cluster + (group.max(initial=-1) + 1)])
    first_neuron = int(group.max(initial=-1)) + 1
    pairs = np.unique(source_groups[pre] * len(size) + cluster[post])
    edge, target = pairs // len(size), pairs % len(size)
    count = int(source_groups.max(initial=-1)) + 1
    start = np.searchsorted(edge, np.arange(count + 1))
    source = np.where(np.arange(count) >= first_neuron, np.arange(count) - first_neuron, -1)
    return Hypergraph(
        cluster, size, start, target, source, np.bincount(source_groups, minlength=count),
        np.asarray(np.bincount(source_groups, weight, minlength=count), np.float64),
    )  # fmt: skip


def _fingerprint(of: IntArray, members: IntArray, count: int, universe: int, rng: np.random.Generator) -> IntArray:
    """For each of `count` items a number that depends on the set of its members only."""
    names = rng.integers(-(1 << 62), 1 << 62, universe)
    order = np.argsort(of, kind="stable")
    summed = np.zeros(len(of) + 1, np.int64)
    np.cumsum(names[members[order]], out=summed[1:])  # wraps, which does not disturb differences
    ends = np.searchsorted(of[order], np.arange(count + 1))
    return summed[ends[1:]] - summed[ends[:-1]]


def _clusters(keys: IntArray, largest: int) -> IntArray:
    """Items of equal keys numbered together, at most `largest` to a number, in order of first appearance."""
    count = keys.shape[1]
    if largest == 1:
        return np.arange(count)  # as they are numbered: twins side by side would already be a mapping
    if count == 0:
        return np.zeros(0, np.int64)
    _, first, group = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    order = np.lexsort((np.arange(count), first[group]))
    ordered = group[order]
    new = np.r_[True, ordered[1:] != ordered[:-1]]
    starts = np.flatnonzero(new)
    rank = np.arange(count) - np.repeat(starts, np.diff(np.r_[starts, count]))
    number = np.cumsum(new | (rank % largest == 0)) - 1
    result = np.empty(count, np.int64)
    result[order] = number
    return result


def km1(graph: Hypergraph, part: IntArray) -> float:
    """part (clusters,): the sum of weight · (parts touched - 1), the source's part included."""
    touched = _touched(graph, part)
    return float((graph.weight * (np.bincount(touched[0], minlength=graph.edges) - 1).clip(0)).sum())


def _touched(graph: Hypergraph, part: IntArray) -> tuple[IntArray, IntArray]:
    """Distinct (edge, part) pairs, the source's part included."""
    own = graph.source >= 0
    edge = np.concatenate([graph.edge_of_target, np.flatnonzero(own)])
    place = np.concatenate([part[graph.targets], part[graph.source[own]]])
    parts = int(part.max(initial=0)) + 1
    pairs = np.unique(edge * parts + place)
    return pairs // parts, pairs % parts


def traffic(graph: Hypergraph, part: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """(from, to, spikes) between different parts; inputs are not counted."""
    edge, place = _touched(graph, part)
    source = graph.source[edge]
    keep = source >= 0
    origin = part[source[keep]]
    parts = int(part.max(initial=0)) + 1
    remote = origin != place[keep]
    key = (origin * parts + place[keep])[remote]
    pairs, inverse = np.unique(key, return_inverse=True)
    spikes = np.bincount(inverse, graph.weight[edge][keep][remote], minlength=len(pairs))
    return pairs // parts, pairs % parts, np.asarray(spikes, np.float64)
