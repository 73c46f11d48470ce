"""Surrogate-gradient fine-tuning for few weight bits, and the warnings on calibration data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nc.compiler.spiking.agreement import findings, observed
from nc.compiler.spiking.finetune import Training, finetune
from nc.compiler.spiking.quantise import Precision, quantise
from nc.ir.diagnostics import NcError
from nc.ir.spiking import run_fixed
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.network import Network, Population, Projection
from tests.ir.spiking.networks import one_neuron

THREE_BITS = Precision(16, 8, 3)


def recurrent() -> Network:
    """An untrained recurrent cuba_lif layer and a firing read-out of two classes."""
    rng = np.random.default_rng(2)

    def cuba(name: str, n: int) -> Population:
        tau = {"tau_syn": np.full(1, 2.0), "tau_mem": np.full(1, 4.0), "r": np.full(1, 4.0)}
        return Population(name, "cuba_lif", (n,), {**tau, "v_threshold": np.ones(1)}, reset="subtract")

    return Network(
        "rnn", 1.0, (Population("in", "input", (12,)), cuba("h", 16), cuba("out", 2)),
        (
            Projection("w", "in", "h", Dense(rng.normal(0.1, 0.4, (16, 12)))),
            Projection("r", "h", "h", Dense(rng.normal(0, 0.1, (16, 16))), delay=1),
            Projection("o", "h", "out", Dense(rng.normal(0.05, 0.3, (2, 16)))),
        ),
        ("out",),
    )  # fmt: skip


def halves(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise in which one half of the inputs is a little busier."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    busy = (np.arange(12) >= 6)[None] == (y[:, None] == 1)
    chance = np.where(busy, 0.4, 0.2)
    return (rng.random((count, 12, 12)) < chance[:, None]).astype(np.int64), y


def accuracy(network: Network, x: np.ndarray, y: np.ndarray) -> float:
    fixed = quantise(network, THREE_BITS, x[:20].astype(float))
    return float((run_fixed.run(fixed, x).outputs["out"].sum(axis=1).argmax(axis=1) == y).mean())


def test_three_bit_weights_are_trained():
    pytest.importorskip("torch")
    x, y = halves(80, 0)
    held_out, truth = halves(200, 1)
    network = recurrent()
    before = accuracy(network, held_out, truth)
    tuned = finetune(network, THREE_BITS, x.astype(float), y, Training(epochs=40, learning_rate=0.05))
    assert before < 0.7
    assert accuracy(tuned, held_out, truth) >= 0.9


def test_what_is_not_trained_is_named():
    pytest.importorskip("torch")
    with pytest.raises(NcError) as error:
        finetune(
            one_neuron("lif", tau=0.01, v_threshold=1.0, refractory=2), THREE_BITS, np.ones((1, 3, 1)), np.zeros(1)
        )
    assert str(error.value) == (
        "error[NC931]: refractory times, spike delays, rectifiers and delta encoders are not fine-tuned\n  --> node 'n'"
    )


def test_dead_layers_and_saturation_are_warned_of():
    network = one_neuron("if", v_threshold=1000.0, dt=1.0)
    x = np.ones((2, 10, 1), np.int64)
    dead = observed(quantise(network, Precision(16, 8, 8), x.astype(float)), x)
    assert [(d.code, d.severity, d.message) for d in findings(dead)] == [
        ("NC921", "warning", "population must fire on the calibration data, but all 1 neurons are silent")
    ]
    fixed = quantise(one_neuron("if", v_threshold=4.0, dt=1.0, weight=3.0), Precision(8, 8, 8), x.astype(float))
    assert not findings(observed(fixed, x))
    narrow = replace(fixed, populations=tuple(
        p if p.kind == "input" else replace(p, state_bits=3, arrays={**p.arrays, "threshold": np.full(1, 3)})
        for p in fixed.populations
    ))  # fmt: skip
    assert [d.message for d in findings(observed(narrow, x))] == [
        "state must stay within its range on the calibration data, but left it 20 times"
    ]
