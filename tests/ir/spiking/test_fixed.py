"""The integer interpreter against a plain one-neuron-at-a-time transcription of its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.ir.diagnostics import NcError
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.run_fixed import run
from tests.ir.spiking.networks import random_fixed


def plain(network: FixedNetwork, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """One sequence, scalar Python integers, straight from the docstring of `nc.ir.spiking.fixed`."""
    ticks = len(inputs)
    out = {p.name: [[0] * p.size for _ in range(ticks)] for p in network.populations}
    v = {p.name: [int(x) for x in p.array("v_init")] for p in network.populations}
    i = {p.name: [0] * p.size for p in network.populations}
    wait = {p.name: [0] * p.size for p in network.populations}

    def rounded(p, x):
        whole = {"nearest": lambda: math.floor(x / 2**p.decay_bits + 0.5), "floor": lambda: x >> p.decay_bits}
        return whole[p.rounding]()

    def limit(p, x):
        if p.overflow == "saturate":
            return max(p.low, min(p.high, x))
        return (x - p.low) % 2**p.state_bits + p.low

    for t in range(ticks):
        for p in network.order:
            if p.kind == "input":
                out[p.name][t] = [int(x) for x in inputs[t]]
                continue
            a = {
                k: p.array(k).tolist()
                for k in ("decay_syn", "decay_mem", "bias_in", "bias", "threshold", "reset_by", "reset_to")
            }
            for n in range(p.size):
                total = a["bias_in"][n]
                for q in network.projections:
                    if q.target != p.name:
                        continue
                    s = q.connectivity.synapses
                    for pre, post, w, d in zip(s.pre, s.post, s.weight, s.delay):
                        when = t - int(d) - q.delay
                        if post == n and when >= 0:
                            total += (int(w) * out[q.source][when][int(pre)]) << q.shift
                drive = total
                if p.has_current:
                    i[p.name][n] = drive = limit(p, rounded(p, i[p.name][n] * a["decay_syn"][n]) + total)
                if wait[p.name][n]:
                    wait[p.name][n] -= 1
                    continue
                new = limit(p, rounded(p, v[p.name][n] * a["decay_mem"][n]) + drive + a["bias"][n])
                if new >= a["threshold"][n]:
                    out[p.name][t][n] = 1
                    wait[p.name][n] = p.refractory
                    new = a["reset_to"][n] if p.reset == "to_value" else limit(p, new - a["reset_by"][n])
                v[p.name][n] = new
    return {k: np.array(x) for k, x in out.items()}


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=12, derandomize=True, deadline=None)
def test_interpreter_is_its_definition(seed, cuba):
    network = random_fixed(seed, cuba=cuba)
    network.verify()
    inputs = (np.random.default_rng(seed).random((2, 20, 6)) < 0.4).astype(np.int64)
    have = run(network, inputs, record=["a", "b"]).outputs
    assert have["a"].any() and have["b"].any()
    for k in range(2):
        want = plain(network, inputs[k])
        assert (have["a"][k] == want["a"]).all()
        assert (have["b"][k] == want["b"]).all()


def test_input_outside_its_range():
    with pytest.raises(NcError) as error:
        run(random_fixed(1), np.full((1, 3, 6), 2))
    assert str(error.value) == "error[NC911]: input 'in' must lie in 0 … 1, not 2 … 2"
