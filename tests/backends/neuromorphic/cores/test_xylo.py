"""The Xylo golden model against the vendor's simulator, and its limits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from nc.backends.neuromorphic.cores.xylo import XyloProgram, lower, run
from nc.ir.diagnostics import NcError
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.network import Network, Population, Projection
from tests.ir.spiking.networks import one_neuron


def vendor(p: XyloProgram, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hidden and output spikes (T, n) of xylosim; its synapse lists must outlive the layer."""
    from xylosim.v2 import XyloLayer, XyloSynapse

    def synapses(w):
        return [[XyloSynapse(int(j), 0, int(row[j])) for j in np.flatnonzero(row)] for row in w]

    lists = [synapses(w) for w in (p.w_in, p.w_rec, p.w_out)]
    layer = XyloLayer(
        *lists,
        [[] for _ in p.threshold],
        p.threshold.tolist(),
        p.threshold_out.tolist(),
        True,
        p.bias.tolist(),
        p.bias_out.tolist(),
        *p.shift,
        p.dash_mem.tolist(),
        p.dash_mem_out.tolist(),
        [[d, d] for d in p.dash_syn.tolist()],
        [[d] for d in p.dash_syn_out.tolist()],
        "test",
    )
    out = np.array(layer.evolve(events.tolist()))
    return np.array(layer.rec_recurrent_spikes)[: len(events)], out


def random_program(seed: int, inputs: int = 8, hidden: int = 60, outputs: int = 4) -> XyloProgram:
    rng = np.random.default_rng(seed)
    return XyloProgram(
        rng.integers(-128, 128, (inputs, hidden)),
        rng.integers(-128, 60, (hidden, hidden)) * (rng.random((hidden, hidden)) < 0.3),
        rng.integers(-128, 128, (hidden, outputs)),
        (3, 2, 1),
        rng.integers(100, 900, hidden),
        rng.integers(100, 900, outputs),
        rng.integers(1, 6, hidden),
        rng.integers(1, 6, outputs),
        rng.integers(1, 5, hidden),
        rng.integers(1, 5, outputs),
        rng.integers(-20, 60, hidden),
        rng.integers(-20, 20, outputs),
    )


def trained_like(seed: int = 3, hidden: int = 20) -> Network:
    """Recurrent cuba_lif layer and read-out with heterogeneous time constants."""
    rng = np.random.default_rng(seed)

    def cuba(name, n):
        tau = {"tau_syn": rng.uniform(0.004, 0.01, n), "tau_mem": rng.uniform(0.01, 0.04, n)}
        return Population(
            name, "cuba_lif", (n,), {**tau, "v_threshold": np.ones(n), "r": np.full(n, 8.0)}, reset="subtract"
        )

    def dense(name, a, b, shape, **more):
        return Projection(name, a, b, Dense(rng.normal(0.1, 0.4, shape)), **more)

    return Network(
        "rnn",
        1e-3,
        (Population("in", "input", (6,)), cuba("hidden", hidden), cuba("out", 3)),
        (
            dense("w_in", "in", "hidden", (hidden, 6), bias=rng.normal(0, 0.05, hidden)),
            dense("w_rec", "hidden", "hidden", (hidden, hidden), delay=1),
            dense("w_out", "hidden", "out", (3, hidden)),
        ),
        ("out",),
    )


def test_equals_the_vendor_on_a_hundred_thousand_spikes():
    spikes = 0
    for seed in range(4):
        program, events = random_program(seed), np.random.default_rng(seed).poisson(0.5, (250, 8))
        mine = run(program, events)
        hidden, out = vendor(program, events)
        assert (mine.hidden == hidden).all()
        assert (mine.outputs == out).all()
        spikes += int(mine.hidden.sum() + mine.outputs.sum())
    assert spikes >= 100_000


def test_a_float_network_becomes_a_program_that_the_vendor_runs_alike(tmp_path):
    program = lower(trained_like())
    events = np.random.default_rng(1).poisson(0.3, (300, 6))
    mine = run(program, events)
    hidden, out = vendor(program, events)
    assert mine.hidden.any() and mine.outputs.any()
    assert (mine.hidden == hidden).all() and (mine.outputs == out).all()
    program.write(tmp_path / "xylo.json")
    assert json.loads((tmp_path / "xylo.json").read_text())["threshold"] == program.threshold.tolist()


def test_rates_follow_the_float_network():
    from nc.ir.spiking.reference import run as reference

    network = trained_like()
    events = np.random.default_rng(2).poisson(0.3, (400, 6))
    want = reference(network, events[None].astype(float), record=["hidden"]).outputs["hidden"][0]
    have = run(lower(network), events).hidden
    assert want.mean() > 0.02
    assert have.mean() == pytest.approx(want.mean(), rel=0.3)


def test_every_obstacle_is_named():
    with pytest.raises(NcError) as error:
        lower(one_neuron("if", v_threshold=1.0, refractory=2))
    assert str(error.value) == "\n".join(
        [
            "error[NC931]: Xylo's neurons must be cuba_lif, not if",
            "  --> node 'n'",
            "error[NC931]: Xylo has neither refractory times nor spike delays",
            "  --> node 'n'",
            "error[NC931]: Xylo takes one hidden and one output population, not 1 populations",
        ]
    )


def test_limits_are_named_at_once():
    wide = replace(random_program(0, inputs=17, outputs=9), shift=(8, 0, 0), w_in=np.full((17, 60), 200))
    assert [d.message for d in wide.check() if d.severity == "error"] == [
        "inputs of Xylo must be at most 16, not 17",
        "outputs of Xylo must be at most 8, not 9",
        "weights must fit int8, not reach 200",
        "weight shifts must be 0 to 7, not (8, 0, 0)",
    ]
