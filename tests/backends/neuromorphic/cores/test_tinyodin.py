"""tinyODIN: order of events, leak, corner cases of its arithmetic, and its configuration words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nc.backends.neuromorphic.cores.tinyodin import TinyOdinProgram, aer, decode, lower, run
from nc.ir.diagnostics import NcError
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.event_order import LEAK, SPIKE, VIRTUAL, Event
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection


def program(weights, threshold=5, leak=0) -> TinyOdinProgram:
    weights = np.asarray(weights)
    n = len(weights)
    return TinyOdinProgram(weights, np.full(n, threshold), np.full(n, leak), np.zeros(n, np.int64))


def test_order_of_events_decides():
    """+6 then -6 fires, -6 then +6 does not: a sum-then-fire model would see 0 in both."""
    weights = [[0, 0, 6], [0, 0, -6], [0, 0, 0]]
    assert run(program(weights), [[0, 1]]) == [[2]]
    assert run(program(weights), [[1, 0]]) == [[]]


def test_own_spikes_queue_behind_external_ones():
    weights = [[0, 7, 0], [0, 0, 3], [0, 0, 0]]
    assert run(program(weights, threshold=6), [[0], [0]]) == [[1], [1, 2]]


def test_leak_moves_toward_zero_and_not_past_it():
    core = program([[0, 4], [0, 0]], threshold=9, leak=3).start()
    core.burst([Event(SPIKE, 0)])
    core.drain()
    assert core.state.tolist() == [0, 4]
    core.burst([Event(LEAK), Event(LEAK)])
    assert core.state.tolist() == [0, 0]
    core.state[1] = -4
    core.burst([Event(LEAK, 1), Event(LEAK, 1)])
    assert core.state.tolist() == [0, 0]


def test_leak_acts_at_once_while_spikes_queue():
    core = program([[0, 4], [0, 0]], threshold=4, leak=3).start()
    core.burst([Event(SPIKE, 0), Event(LEAK)])
    core.drain()
    assert core.spikes == [1]


def test_state_saturates_at_twelve_bits_and_never_fires_at_the_sign_bit():
    core = program([[0, 7], [0, 0]], threshold=0x800).start()
    for _ in range(400):
        core.burst([Event(SPIKE, 0)])
        core.drain()
    assert core.state[1] == 2047 and core.spikes == []


def test_threshold_zero_fires_on_a_leak():
    core = program([[0]], threshold=0).start()
    core.burst([Event(LEAK)])
    assert core.spikes == [0]
    with pytest.raises(NcError) as error:
        core.drain(100)
    assert "events must die out, but 100 were served and 1 wait" in str(error.value)


def test_virtual_event_of_weight_zero_is_a_spike():
    assert decode(aer(Event(VIRTUAL, 3, 0))) == Event(SPIKE, 3)
    assert decode(aer(Event(VIRTUAL, 3, -8))) == Event(VIRTUAL, 3, -8)
    assert decode(0x1FF) == Event(LEAK, None)


def test_full_queue_drops_spikes():
    n = 140
    weights = np.zeros((n, n), np.int64)
    weights[0, 1:] = 7
    core = program(weights).start()
    core.burst([Event(SPIKE, 0)])
    core.drain()
    assert len(core.spikes) == n - 1 and core.lost == n - 1 - 128


def network() -> FixedNetwork:
    rng = np.random.default_rng(2)

    def population(name, n):
        return FixedPopulation(name, "neuron", (n,), 12, {"threshold": np.full(n, 12), "bias": np.full(n, 1)})

    return FixedNetwork(
        "events",
        1.0,
        (FixedPopulation("in", "input", (8,), 1, signed=False), population("a", 20), population("b", 5)),
        (
            FixedProjection("x", "in", "a", Dense(rng.integers(-4, 8, (20, 8))), 4),
            FixedProjection("r", "a", "a", Dense(rng.integers(-8, 4, (20, 20))), 4, delay=1),
            FixedProjection("y", "a", "b", Dense(rng.integers(-4, 8, (5, 20))), 4),
        ),
        ("b",),
        semantics="event_ordered",
    )


def plain(net: FixedNetwork, bursts) -> list[list[int]]:
    """One neuron at a time, from the description of the core."""
    p = lower(net)
    state = [0] * len(p.threshold)
    out = []
    for burst in bursts:
        queue, fired = list(burst), []
        while queue:
            pre = queue.pop(0)
            for post in range(len(state)):
                if p.disable[post]:
                    continue
                state[post] = max(-2048, min(2047, state[post] + int(p.weights[pre, post])))
                if 0 <= state[post] >= p.threshold[post]:
                    state[post] = 0
                    fired.append(post)
                    queue.append(post)
        out.append(fired)
    return out


def winner_takes_all() -> FixedNetwork:
    """40 inputs, 12 classes that silence one another: who fires first decides, as only event order can say."""
    rng = np.random.default_rng(5)
    n = 12
    inhibition = -8 + 8 * np.eye(n, dtype=np.int64)
    return FixedNetwork(
        "winner",
        1.0,
        (
            FixedPopulation("in", "input", (40,), 1, signed=False),
            FixedPopulation("class", "neuron", (n,), 12, {"threshold": rng.integers(8, 30, n)}),
        ),
        (
            FixedProjection("x", "in", "class", Dense(rng.integers(-2, 8, (n, 40))), 4),
            FixedProjection("other", "class", "class", Dense(inhibition), 4, delay=1),
        ),
        ("class",),
        semantics="event_ordered",
    )


@pytest.mark.parametrize(("net", "inputs"), [(network(), 8), (winner_takes_all(), 40)])
def test_network_equals_its_definition(tmp_path, net, inputs):
    rng = np.random.default_rng(0)
    bursts = [rng.permutation(inputs)[:3].tolist() for _ in range(60)]
    got = run(lower(net), bursts)
    assert sum(map(len, got)) > 50
    assert got == plain(net, bursts)
    lower(net).write(tmp_path)
    assert len((tmp_path / "spi.txt").read_text().splitlines()) == 4 + sum(p.size for p in net.populations) * 132 + 1


def test_configuration_words():
    p = program([[0, -1], [3, 0]], threshold=0x123, leak=5)
    assert p.neuron_words()[0] == 0x123 << 12 | 5 << 24
    assert p.synapse_bytes()[0, 0] == 0xF0 and p.synapse_bytes()[1, 0] == 0x03
    writes = p.spi()
    assert writes[0] == (1 << 18 | 0, 1) and writes[-1] == (1 << 18 | 0, 0)
    assert (1 << 18 | 2 << 16 | 1 << 5, 0x03) in writes


def test_every_obstacle_is_named():
    net = network()
    wrong = replace(net.populations[1], reset="subtract", refractory=2)
    wide = replace(net.projections[0], shift=2)
    net = replace(
        net,
        semantics="sum_then_fire",
        populations=(net.populations[0], wrong, net.populations[2]),
        projections=(wide, *net.projections[1:]),
    )
    with pytest.raises(NcError) as error:
        lower(net)
    assert [d.message for d in error.value.diagnostics] == [
        "tinyODIN tests thresholds after every event: semantics must be event_ordered, not sum_then_fire",
        "tinyODIN resets to 0 only",
        "tinyODIN has neither refractory times nor delays",
        "weights must lie in -8 … 7, but pass it by 21",
    ]
