"""The natively neuromorphic Legendre memory unit (L2MU; Weidel et al. 2024 after Voelker et al. 2019) as a network.

    u = LIF(e_x x + e_h h' + e_m m');  m = LIF(A m' + B u);  h = LIF(W_x x + W_h h' + W_m m);  out = LIF(W h)

with ' the tick before. A and B are the Legendre delay of length theta, held constant over a tick (zero-order hold).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nc.ir.spiking.connect import Dense
from nc.ir.spiking.network import FloatArray, Network, Population, Projection

EDGES = (
    ("e_x", "x", "u", 0),
    ("e_h", "h", "u", 1),
    ("e_m", "m", "u", 1),
    ("a", "m", "m", 1),
    ("b", "u", "m", 0),
    ("w_x", "x", "h", 0),
    ("w_h", "h", "h", 1),
    ("w_m", "m", "h", 0),
    ("w", "h", "out", 0),
)
"""Weight name, source, target, delay."""


def legendre(order: int, theta: float) -> tuple[FloatArray, FloatArray]:
    """(A, B) of the discrete Legendre memory: (order, order) and (order, 1); theta in ticks.

    A_ij = (2i + 1) / theta · (-1 if i < j else (-1)^(i-j+1)), B_i = (2i + 1)(-1)^i / theta, then x' = exp(A) x + …
    """
    i, j = np.arange(order)[:, None], np.arange(order)[None, :]
    a = np.where(i < j, -1.0, (-1.0) ** (i - j + 1)) * (2 * i + 1) / theta
    b = (2 * i + 1) * (-1.0) ** i / theta
    # One exponential of the joint system holds the input constant: exp([[A, B], [0, 0]]) = [[Ad, Bd], [0, 1]].
    joint = _expm(np.block([[a, b], [np.zeros((1, order + 1))]]))
    return joint[:order, :order], joint[:order, order:]


def l2mu(weights: Mapping[str, FloatArray], beta: Mapping[str, float], *, name: str = "l2mu") -> Network:
    """The network of trained `weights` (named as in `EDGES`, each (out, in)) and membrane decays `beta` by population.

    `bias_h` and `bias_out` among the weights are constants a tick, so that the network also votes on silence.

    Thresholds are 1 and spikes subtract them; one tick is the unit of time.
    """
    sizes = {"x": weights["e_x"].shape[1], **{t: weights[n].shape[0] for n, _, t, _ in EDGES}}
    populations = [Population("x", "input", (sizes["x"],))]
    for p in ("u", "m", "h", "out"):
        tau = np.array([1.0 / (1.0 - beta[p])])
        parameters = {"tau": tau, "r": tau, "v_threshold": np.ones(1)}
        populations.append(Population(p, "lif", (sizes[p],), parameters, reset="subtract"))
    projections = tuple(
        Projection(n, s, t, Dense(np.asarray(weights[n], np.float64)), _bias(weights, n), delay)
        for n, s, t, delay in EDGES
    )
    network = Network(name, 1.0, tuple(populations), projections, ("out",))
    network.verify()
    return network


def _bias(weights: Mapping[str, FloatArray], name: str) -> FloatArray | None:
    """Biases ride on the projections `w_x` (into h) and `w` (into out)."""
    found = weights.get({"w_x": "bias_h", "w": "bias_out"}.get(name, ""))
    return None if found is None else np.asarray(found, np.float64)


def _expm(matrix: FloatArray) -> FloatArray:
    """The matrix exponential by scaling and squaring of its Taylor series."""
    squarings = max(0, int(np.ceil(np.log2(max(float(np.abs(matrix).sum(axis=1).max()), 1e-9)))) + 1)
    term = total = np.eye(len(matrix))
    for k in range(1, 25):
        term = term @ (matrix / 2.0**squarings) / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return np.asarray(total, np.float64)
