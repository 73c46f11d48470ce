"""Small networks that the tests of spiking networks share."""

from __future__ import annotations

import numpy as np

from nc.ir.spiking.connect import Dense, Sparse
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection
from nc.ir.spiking.network import Network, Population, Projection


def one_neuron(model: str = "lif", dt: float = 1e-3, weight: float = 1.0, **settings) -> Network:
    """One input, one neuron."""
    attributes = {
        k: settings.pop(k) for k in ("integrator", "reset", "refractory", "spike_delay", "compare") if k in settings
    }
    parameters = {k: np.array([v]) for k, v in settings.items()}
    return Network(
        "one",
        dt,
        (Population("in", "input", (1,)), Population("n", model, (1,), parameters, **attributes)),
        (Projection("w", "in", "n", Dense(np.array([[weight]]))),),
        ("n",),
    )


def random_fixed(seed: int, *, cuba: bool = True, delays: int = 3, inputs: int = 6, hidden: int = 9) -> FixedNetwork:
    """Two layers, the first recurrent with per-synapse delays; parameters differ from neuron to neuron."""
    rng = np.random.default_rng(seed)

    def neurons(name: str, size: int, **settings) -> FixedPopulation:
        arrays = {
            "decay_syn": rng.integers(0, 257, size),
            "decay_mem": rng.integers(100, 257, size),
            "bias_in": rng.integers(-6, 9, size),
            "bias": rng.integers(-6, 9, size),
            "threshold": rng.integers(20, 90, size),
            "reset_by": rng.integers(10, 60, size),
            "reset_to": rng.integers(-8, 9, size),
            "v_init": rng.integers(-8, 30, size),
        }
        return FixedPopulation(name, "neuron", (size,), 10, arrays, decay_bits=8, **settings)

    def dense(name, source, target, shape, **more):
        return FixedProjection(name, source, target, Dense(rng.integers(-32, 32, shape)), 6, **more)

    count = 3 * hidden
    recurrent = Sparse(
        hidden,
        hidden,
        rng.integers(0, hidden, count),
        rng.integers(0, hidden, count),
        rng.integers(-16, 16, count),
        rng.integers(1, 1 + delays, count),
    )
    return FixedNetwork(
        "random",
        1.0,
        (
            FixedPopulation("in", "input", (inputs,), 1, signed=False),
            neurons("a", hidden, has_current=cuba, reset="subtract", refractory=int(rng.integers(0, 3))),
            neurons("b", 4, has_current=not cuba, reset="to_value", overflow="wrap", rounding="floor"),
        ),
        (
            dense("in_a", "in", "a", (hidden, inputs), shift=1),
            FixedProjection("a_a", "a", "a", recurrent, 8),
            dense("a_b", "a", "b", (4, hidden)),
            dense("b_a", "b", "a", (hidden, 4), delay=1),
            dense("in_b", "in", "b", (4, inputs), delay=2),
        ),
        ("b",),
    )
