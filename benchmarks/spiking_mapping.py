"""Mapping large spiking networks onto cores: km1, cores and seconds against sequential filling and plain Mt-KaHyPar.

    python benchmarks/spiking_mapping.py [--quick] [--json] [--plain] [--only conv|ring]

All mappings are repaired for the same limits (256 neurons, 4096 axons a core), and km1 is measured after the repair.
`--plain` also times Mt-KaHyPar on the hypergraph of single neurons, in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from math import ceil

import numpy as np
import sections

from nc.compiler.spiking.mapping.hypergraph import contract, flat_synapses, km1
from nc.compiler.spiking.mapping.partition import CoreLimits, partition, raw_partition, repair, sequential
from nc.ir.spiking.connect import Conv2d, Sparse
from nc.ir.spiking.network import Network, Population, Projection

LIMITS = CoreLimits(neurons=256, axons=4096, fan_in=4096)


def conv(channels: int, side: int) -> Network:
    """Four 3×3 layers: side², side² (both `channels`), half the side at twice the channels, a quarter at the first."""

    def firing(name: str, shape: tuple[int, int, int]) -> Population:
        return Population(name, "if", shape, {"v_threshold": np.ones(1)})

    shapes = [(channels, side, side)] * 2 + [(2 * channels, side // 2, side // 2), (channels, side // 4, side // 4)]
    layers = [firing(f"l{k}", s) for k, s in enumerate(shapes)]
    source = Population("in", "input", (3, side, side))
    projections = []
    for before, after in zip([source, *layers], layers):
        c, h, w = before.shape
        ones = np.ones((after.shape[0], c, 3, 3))
        step = h // after.shape[1]
        projections.append(
            Projection(f"{before.name}-{after.name}", before.name, after.name,
                       Conv2d(ones, (c, h, w), (step, step), (1, 1, 1, 1)))
        )  # fmt: skip
    return Network(f"conv{channels}x{side}", 1.0, (source, *layers), tuple(projections), (layers[-1].name,))


def ring(neurons: int, degree: int) -> Network:
    """Small world: neighbours on a ring, one tenth rewired at random (Watts and Strogatz)."""
    rng = np.random.default_rng(0)
    pre = np.repeat(np.arange(neurons), degree)
    post = (pre + np.tile(np.arange(1, degree + 1), neurons)) % neurons
    rewired = rng.random(len(pre)) < 0.1
    post[rewired] = rng.integers(0, neurons, int(rewired.sum()))
    ones = np.ones(len(pre))
    recurrent = Sparse(neurons, neurons, pre, post, ones, np.ones(len(pre), np.int64))
    first = Sparse(1, neurons, np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1), np.zeros(1, np.int64))
    return Network(
        f"ring{neurons}",
        1.0,
        (Population("in", "input", (1,)), Population("n", "if", (neurons,), {"v_threshold": np.ones(1)})),
        (Projection("in", "in", "n", first), Projection("r", "n", "n", recurrent)),
        ("n",),
    )


def measure(network: Network, plain: bool) -> dict[str, object]:
    pre, post, inputs, neurons = flat_synapses(network)
    weight = np.ones(inputs + neurons)
    begin = time.perf_counter()
    graph = contract(pre, post, inputs, neurons, weight, LIMITS.neurons // 8)
    part = partition(graph, LIMITS)
    seconds = time.perf_counter() - begin
    single = contract(pre, post, inputs, neurons, weight, 1)
    begin = time.perf_counter()
    filled = sequential(single, LIMITS)
    seconds_sequential = time.perf_counter() - begin
    row: dict[str, object] = {
        "net": network.name,
        "neurons": neurons,
        "synapses": len(pre),
        "cores": int(part.max()) + 1,
        "km1": km1(graph, part),
        "cores_sequential": int(filled.max()) + 1,
        "km1_sequential": km1(single, filled),
        "seconds": round(seconds, 2),
        "seconds_sequential": round(seconds_sequential, 2),
        "clusters": graph.clusters,
    }
    if plain:
        begin = time.perf_counter()
        cores = ceil(ceil(neurons / LIMITS.neurons) * 1.03)
        raw = raw_partition(single, cores, cores * LIMITS.neurons / neurons - 1, seed=1, threads=2)
        row["seconds_plain_mtkahypar"] = round(time.perf_counter() - begin, 2)
        whole = repair(single, raw, LIMITS)
        row |= {"km1_plain_mtkahypar": km1(single, whole), "cores_plain_mtkahypar": int(whole.max()) + 1}
    return row


COLUMNS = {
    "net": "network", "neurons": "neurons", "synapses": "synapses", "cores": "cores", "km1": "km1", "seconds": "s",
    "cores_sequential": "cores, sequential", "km1_sequential": "km1, sequential",
    "cores_plain_mtkahypar": "cores, plain", "km1_plain_mtkahypar": "km1, plain", "seconds_plain_mtkahypar": "s, plain",
}  # fmt: skip
NOTE = (
    "Cores of 256 neurons, 4,096 axons and a fan-in of 4,096, for every method after its repair; km1 counts the copies "
    "of spikes between cores at one spike a neuron. Sequential: neurons as numbered, channel by "
    "channel. Plain: Mt-KaHyPar on single neurons, in the same run.\n\n"
)


def render(rows: list[dict[str, object]]) -> None:
    """The table in docs/benchmarks.md."""
    sections.write("spiking_mapping", "Mapping of spiking networks", NOTE + sections.table(rows, COLUMNS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--only", choices=("conv", "ring"))
    given = parser.parse_args()
    networks = [conv(8, 16), ring(2000, 30)] if given.quick else [conv(32, 32), ring(50_000, 62)]
    rows = []
    for network in networks:
        if given.only is None or network.name.startswith(given.only):
            rows.append(measure(network, given.plain))
            print(rows[-1], file=sys.stderr, flush=True)
    if not given.quick and not given.only:
        render(rows)
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print("  ".join(f"{k}={v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
