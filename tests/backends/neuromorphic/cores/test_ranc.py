"""RANC: documented corner cases, files, and networks that equal the integer interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.neuromorphic.cores.ranc import FIELDS, RancCore, RancGrid, packet, run
from nc.backends.neuromorphic.cores.ranc_lower import lower, simulate
from nc.ir.diagnostics import NcError
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection
from nc.ir.spiking.run_fixed import run as golden
from tests.ir.spiking.networks import random_fixed


def core(neurons: int = 1, axons: int = 4, **fields) -> RancCore:
    """All axons connected to all neurons; axon k has type k."""
    held = {f: np.full(neurons, fields.get(f, {"positive": 255, "negative": -256}.get(f, 0))) for f in FIELDS}
    zero = np.zeros(neurons, np.int64)
    far = np.full(neurons, 5)
    mode = np.full(neurons, fields.get("mode", 0))
    return RancCore(np.ones((neurons, axons), np.int64), np.arange(axons) % 4, held, mode, far, zero, zero, zero)


def spikes(c: RancCore, ticks: int, events=()) -> list[int]:
    found: dict[int, list] = {}
    for t, axon in events:
        found.setdefault(t, []).append((0, 0, axon))
    return run(RancGrid(1, 1, {(0, 0): c}), ticks, found)[0, 0][:, 0].tolist()


def test_threshold_zero_fires_in_the_first_tick():
    assert spikes(core(positive=0), 1) == [1]


def test_potential_wraps_instead_of_saturating():
    events = [(0, 0), (1, 0)]
    assert spikes(core(w0=200, positive=255), 2, events) == [0, 0]
    # 200 + 200 wraps to -112: below a negative threshold of -100, so it is reset to -reset_potential = 50.
    reset = core(w0=200, positive=51, negative=-100, reset_potential=-50, potential=-200, leak=0)
    assert spikes(reset, 3, [(0, 0), (1, 0), (2, 0)])[0] == 0


def test_linear_reset_keeps_the_rest():
    assert spikes(core(w0=7, positive=5, mode=1), 4, [(0, 0), (1, 0)]) == [1, 1, 0, 0]
    assert spikes(core(w0=7, positive=5, mode=0), 4, [(0, 0)]) == [1, 0, 0, 0]


def test_collision_on_an_axon_counts_once():
    assert spikes(core(w0=3, positive=6), 1, [(0, 0), (0, 0)]) == [0]
    assert spikes(core(w0=3, w1=3, positive=6), 1, [(0, 0), (0, 1)]) == [1]


def test_delivery_is_one_tick_after_the_delay():
    sender = core(w0=9, positive=5)
    there = [np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64), np.full(1, 2)]
    sender = RancCore(sender.connections, sender.axon_type, sender.fields, sender.mode, *there)
    out = run(RancGrid(1, 1, {(0, 0): sender}), 9, {0: [(0, 0, 0)]})[0, 0][:, 0]
    assert np.flatnonzero(out).tolist() == [0, 3, 6]


def test_packet_fields():
    assert packet(-1, 2, 3, 4) == (0x1FF << 21) | (2 << 12) | (3 << 4) | 4


def wrapping(p: FixedPopulation, **changes) -> FixedPopulation:
    arrays = {k: v for k, v in p.arrays.items() if not k.startswith("decay")}
    arrays["reset_by"] = arrays["threshold"]
    arrays["v_init"] = np.minimum(arrays["v_init"], 0)
    return FixedPopulation(p.name, "neuron", p.shape, 9, arrays, reset=p.reset, overflow="wrap", **changes)


def ranc_network(seed: int) -> FixedNetwork:
    """`random_fixed` as RANC can have it: 4-bit weights, no decay, a tick for each hop of a loop."""
    net = random_fixed(seed, cuba=False)
    populations = tuple(p if p.kind == "input" else wrapping(p) for p in net.populations)
    rng = np.random.default_rng(seed)

    def narrow(q: FixedProjection) -> FixedProjection:
        shape = (q.connectivity.out_size, q.connectivity.in_size)
        delay = 2 if (q.source, q.target) == ("b", "a") else max(q.delay, int(q.source == q.target))
        return FixedProjection(q.name, q.source, q.target, Dense(rng.integers(-8, 8, shape)), 4, 0, delay)

    return FixedNetwork("ranc", 1.0, populations, tuple(narrow(q) for q in net.projections), ("b", "a"))


@pytest.mark.parametrize("seed", range(4))
def test_networks_equal_the_integer_interpreter(seed, tmp_path):
    net = ranc_network(seed)
    net.verify()
    grid = lower(net)
    inputs = (np.random.default_rng(seed).random((40, 6)) < 0.4).astype(np.int64)
    found = golden(net, inputs[None]).outputs
    want = np.concatenate([found["b"][0], found["a"][0]], axis=1)
    assert want.any()
    assert (simulate(grid, inputs) == want).all()
    grid.write(tmp_path)
    lines = (tmp_path / "csram_000.mem").read_text().splitlines()
    assert len(lines) == 256 and {len(line) for line in lines} == {368}
    assert len((tmp_path / "tc_000.mem").read_text().splitlines()) == 256


def test_fan_out_and_fan_in_are_split_over_cores():
    rng = np.random.default_rng(0)

    def population(name, n):
        arrays = {"threshold": np.full(n, 6), "reset_by": np.full(n, 6)}
        return FixedPopulation(name, "neuron", (n,), 9, arrays, reset="subtract", overflow="wrap")

    net = FixedNetwork(
        "wide",
        1.0,
        (FixedPopulation("in", "input", (20,), 1, signed=False), population("a", 60), population("b", 300)),
        (
            FixedProjection("x", "in", "a", Dense(rng.integers(-2, 4, (60, 20))), 3),
            FixedProjection("y", "a", "b", Dense(rng.integers(-2, 2, (300, 60))), 2),
        ),
        ("b",),
    )
    grid = lower(net)
    assert len(grid.cores) > 2
    inputs = (rng.random((30, 20)) < 0.3).astype(np.int64)
    want = golden(net, inputs[None]).outputs["b"][0]
    assert want.any()
    assert (simulate(grid, inputs) == want).all()


def test_every_obstacle_is_named():
    with pytest.raises(NcError) as error:
        lower(random_fixed(1))
    text = str(error.value)
    assert "RANC's neurons must fire, with a single state, neither refractory nor delayed" in text
    assert "state must wrap at 9 bits on RANC, not wrap at 10" in text
    assert "RANC's leak must be constant, not proportional" in text
