"""Networks built rather than trained: reservoirs, associative memories, spike-driven attention, delta layers."""

from __future__ import annotations

import numpy as np

from nc.ir.spiking.connect import Dense, IntArray, Sparse
from nc.ir.spiking.network import FloatArray, Network, Population, Projection


def reservoir(
    inputs: int, neurons: int, *, seed: int, density: float = 0.1, inhibitory: float = 0.2, spread: float = 0.5,
    radius: float = 0.9, tau: float = 10.0,
) -> Network:  # fmt: skip
    """A liquid state machine's liquid: random recurrent LIF neurons; its read-out is trained elsewhere.

    Weights come from the statistics of resistive-switching devices: conductances are log-normal with a relative
    `spread`, drawn once from `seed`; a share of the neurons is inhibitory. `radius`: largest absolute eigenvalue of
    the recurrent weights. One tick is the unit of time.
    """
    rng = np.random.default_rng(seed)
    mask = rng.random((neurons, neurons)) < density
    sign = np.where(rng.random(neurons) < inhibitory, -4.0, 1.0)
    recurrent = mask * rng.lognormal(0.0, spread, (neurons, neurons)) * sign[None, :]
    np.fill_diagonal(recurrent, 0.0)
    recurrent *= radius / max(float(np.abs(np.linalg.eigvals(recurrent)).max()), 1e-9)
    first = rng.lognormal(0.0, spread, (neurons, inputs)) * rng.choice([-1.0, 1.0], (neurons, inputs)) / inputs**0.5
    value = {"tau": np.full(1, tau), "r": np.full(1, tau), "v_threshold": np.ones(1)}
    return Network(
        f"reservoir{neurons}",
        1.0,
        (Population("in", "input", (inputs,)), Population("liquid", "lif", (neurons,), value)),
        (
            Projection("in", "in", "liquid", Dense(first)),
            Projection("recurrent", "liquid", "liquid", Dense(recurrent), delay=1),
        ),
        ("liquid",),
    )


def associative_memory(patterns: FloatArray, *, hold: int = 1) -> Network:
    """A content-addressable memory (Willshaw et al. 1969) of binary patterns (P, n): a part recalls the whole.

    A cell fires when it is cued, or when the cells that vote for it through clipped Hebbian weights outnumber the
    others by 0.4 of a pattern: inhibition of all by all takes half a vote from each. `hold`: delay of the votes.
    """
    stored = np.asarray(patterns, bool)
    count, size = stored.shape
    hebbian = (stored.T.astype(float) @ stored.astype(float) > 0).astype(float)
    active = float(stored.sum(axis=1).mean())
    weight = hebbian - 0.5
    parameters = {"r": np.ones(1), "v_threshold": np.full(1, 0.2 * active), "tau": np.ones(1)}
    return Network(
        f"memory{count}x{size}",
        1.0,
        (Population("cue", "input", (size,)), Population("cell", "lif", (size,), parameters)),
        (
            Projection("cue", "cue", "cell", Sparse(size, size, *_diagonal(size), np.full(size, active), _zeros(size))),
            Projection("recall", "cell", "cell", Dense(weight), delay=hold),
        ),
        ("cell",),
    )


def spike_attention(tokens: int, width: int, *, threshold: float) -> Network:
    """Spike-driven self-attention (Yao et al. 2023): masks and additions only.

    Inputs q, k, v of (tokens, width) spikes. Channel d is kept when sum over tokens of q AND k reaches `threshold`;
    the output is v AND kept[d]. An AND is a stateless threshold at two inputs.
    """
    size = tokens * width
    n = np.arange(size)

    def both(name: str) -> Population:
        return Population(name, "threshold", (size,), {"v_threshold": np.full(1, 1.5)})

    kept = Population("kept", "threshold", (width,), {"v_threshold": np.full(1, threshold)}, compare=">=")
    ports = tuple(Population(name, "input", (tokens, width)) for name in ("q", "k", "v"))

    def straight(name: str, source: str, target: str) -> Projection:
        return Projection(name, source, target, Sparse(size, size, n, n, np.ones(size), _zeros(size)))

    return Network(
        "spike_attention",
        1.0,
        (*ports, both("qk"), kept, both("out")),
        (
            straight("q", "q", "qk"),
            straight("k", "k", "qk"),
            Projection("sum", "qk", "kept", Sparse(size, width, n, n % width, np.ones(size), _zeros(size))),
            straight("v", "v", "out"),
            Projection("mask", "kept", "out", Sparse(width, size, n % width, n, np.ones(size), _zeros(size))),
        ),
        ("out",),
    )


def delta_layer(weight: FloatArray, theta: float) -> Network:
    """A delta activation layer: only changes of the input by theta or more travel, and the receiver adds them up.

    weight (out, in); the output is W x, off by less than theta a term.
    """
    out, size = weight.shape
    return Network(
        "delta_layer",
        1.0,
        (
            Population("x", "input", (size,)),
            Population("change", "delta", (size,), {"v_threshold": np.full(1, theta)}),
            Population("y", "i", (out,), {"r": np.ones(1)}, reset="none"),
        ),
        (
            Projection("send", "x", "change", Sparse(size, size, *_diagonal(size), np.ones(size), _zeros(size))),
            Projection("w", "change", "y", Dense(np.asarray(weight, np.float64) * theta)),
        ),
        ("y",),
    )


def _diagonal(size: int) -> tuple[IntArray, IntArray]:
    n = np.arange(size)
    return n, n


def _zeros(size: int) -> IntArray:
    return np.zeros(size, np.int64)
