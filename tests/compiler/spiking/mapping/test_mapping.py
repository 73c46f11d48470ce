"""Partition, repair and placement against brute force and known structures."""

from __future__ import annotations

import numpy as np
import pytest

from nc.compiler.spiking.mapping.hypergraph import build, contract, flat_synapses, km1, traffic
from nc.compiler.spiking.mapping.mapper import heat_map, map_network
from nc.compiler.spiking.mapping.partition import CoreLimits, axons_used, partition, repair, sequential
from nc.compiler.spiking.mapping.place import hilbert, hops, place
from nc.ir.diagnostics import NcError
from nc.ir.spiking.connect import Conv2d, Dense
from nc.ir.spiking.network import Network, Population, Projection


def conv_network(channels: int = 8, side: int = 12) -> Network:
    def firing(name, shape):
        return Population(name, "if", shape, {"v_threshold": np.ones(1)})

    shape = (channels, side, side)
    one = np.ones((channels, channels, 3, 3))
    return Network(
        "conv",
        1.0,
        (Population("in", "input", (1, side, side)), firing("a", shape), firing("b", shape)),
        (
            Projection("x", "in", "a", Conv2d(one[:, :1], (1, side, side), padding=(1, 1, 1, 1))),
            Projection("y", "a", "b", Conv2d(one, shape, padding=(1, 1, 1, 1))),
        ),
        ("b",),
    )


def plain_km1(network: Network, core: np.ndarray) -> float:
    """Neuron by neuron, without clusters."""
    pre, post, inputs, neurons = flat_synapses(network)
    touched = [set() for _ in range(inputs + neurons)]
    for a, b in zip(pre.tolist(), post.tolist()):
        touched[a].add(int(core[b]))
    for n in range(neurons):
        touched[inputs + n].add(int(core[n]))
    return float(sum(max(len(t) - 1, 0) for t in touched))


def test_clusters_of_twins_do_not_change_km1():
    network = conv_network(4, 6)
    graph = build(network, largest=4)
    assert graph.clusters == 72 and graph.size.tolist() == [4] * 72
    part = np.random.default_rng(0).integers(0, 5, graph.clusters)
    assert km1(graph, part) == plain_km1(network, part[graph.cluster])
    pre, post, inputs, neurons = flat_synapses(network)
    single = contract(pre, post, inputs, neurons, np.ones(inputs + neurons), 1)
    core = np.random.default_rng(1).integers(0, 5, neurons)
    assert km1(single, core[np.argsort(single.cluster)]) == plain_km1(network, core)


def test_partition_beats_sequential_filling_within_the_limits():
    limits = CoreLimits(neurons=64, axons=400, fan_in=128)
    network = conv_network()
    mapped = map_network(network, limits)
    filled = map_network(network, limits, method="sequential")
    assert plain_km1(network, mapped.core) < 0.8 * plain_km1(network, filled.core)
    for m in (mapped, filled):
        assert np.bincount(m.core).max() <= limits.neurons
        assert axons_used(m.graph, m.part).max() <= limits.axons
        assert len({tuple(c) for c in m.at.tolist()}) == m.cores


def test_sequential_filling_takes_neurons_as_they_are_numbered():
    filled = map_network(conv_network(), CoreLimits(neurons=64), method="sequential")
    assert (np.diff(filled.core) >= 0).all()


def test_repair_splits_cores_with_too_many_axons():
    network = conv_network(4, 8)
    graph = build(network, largest=4)
    limits = CoreLimits(neurons=64, axons=80)
    crowded = np.zeros(graph.clusters, np.int64)
    part = repair(graph, crowded, limits)
    assert axons_used(graph, part).max() <= 80
    assert np.bincount(part, graph.size).max() <= 64


def test_mapping_is_reproducible():
    limits = CoreLimits(neurons=64)
    one, two = (partition(build(conv_network()), limits, seed=3) for _ in range(2))
    assert (one == two).all()


def test_fan_in_beyond_the_core_is_refused():
    with pytest.raises(NcError) as error:
        map_network(conv_network(), CoreLimits(neurons=64, fan_in=50))
    assert "fan-in must be at most 50, not 72 (800 neurons exceed it)" in str(error.value)


def test_mesh_too_small_is_refused():
    with pytest.raises(NcError) as error:
        map_network(conv_network(), CoreLimits(neurons=64), mesh=(3, 3), method="sequential")
    assert str(error.value) == "error[NC932]: mesh must have at least 36 cores, not 3×3 = 9"


def test_hilbert_visits_every_cell_once_by_neighbours():
    cells = hilbert(8, 8)
    assert len({tuple(c) for c in cells.tolist()}) == 64
    assert (np.abs(np.diff(cells, axis=0)).sum(axis=1) == 1).all()
    assert len(hilbert(5, 3)) == 15


def test_annealing_finds_the_ring():
    """A ring of 16 cores fits a 4 × 4 mesh with every neighbour one hop away."""
    source = np.random.default_rng(0).permutation(16)
    target = np.roll(source, 1)
    at = place(16, source, target, np.ones(16), (4, 4), moves=30_000)
    assert hops(at, source, target, np.ones(16)) <= 20


def test_report_and_picture():
    limits = CoreLimits(neurons=64)
    mapped = map_network(conv_network(), limits, rates={"a": np.full(1, 0.1)})
    report = mapped.report(limits)
    source, target, spikes = traffic(mapped.graph, mapped.part)
    assert report["hops"] == hops(mapped.at, source, target, spikes)
    assert report["km1"] == pytest.approx(km1(mapped.graph, mapped.part))
    assert heat_map(mapped).count("<rect") == mapped.cores


def test_network_without_twins_still_maps():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(100, 100)) * (rng.random((100, 100)) < 0.1)
    network = Network(
        "random",
        1.0,
        (Population("in", "input", (100,)), Population("n", "if", (100,), {"v_threshold": np.ones(1)})),
        (Projection("x", "in", "n", Dense(np.eye(100))), Projection("r", "n", "n", Dense(weight), delay=1)),
        ("n",),
    )
    graph = build(network)
    limits = CoreLimits(neurons=32)
    assert km1(graph, partition(graph, limits)) <= km1(graph, sequential(graph, limits))
