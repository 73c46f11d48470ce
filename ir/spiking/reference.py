"""The float reference: NIR's equations stepped tick by tick in float64.

Source: Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15, 8122 (2024), table 1.
`forward_euler` takes the right-hand side at the old state; `exponential_euler` solves the leak exactly with the
input held over the tick, and for a two-state model does so state by state; `exact` solves both states together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.spiking.models import MODELS
from nc.ir.spiking.network import FloatArray, Network, Population, Projection


@dataclass(frozen=True)
class Record:
    """What a run produced: `outputs[name]` (N, T, n) for the recorded populations; `peak[name]` the largest |v|, |I|.

    `membrane` (N, T, n) after reset, for the populations asked for.
    """

    outputs: dict[str, FloatArray]
    peak: dict[str, tuple[float, float]]
    membrane: dict[str, FloatArray] = field(default_factory=dict)


def run(
    network: Network,
    inputs: FloatArray,
    *,
    record: Iterable[str] | None = None,
    membrane: Iterable[str] = (),
    initial: dict[str, FloatArray] | None = None,
) -> Record:
    """Run sequences.

    inputs: (N, T, inputs), the input populations side by side in file order. `record`: populations to keep, default
    the outputs; all are computed. `initial`: starting membranes (N, n) instead of v_init (hybrid networks).
    """
    inputs = check_inputs(inputs, sum(p.size for p in network.inputs))
    count, ticks, _ = inputs.shape
    kept = {p.name: np.zeros((count, ticks, p.size)) for p in network.populations}
    watch = {name: np.zeros((count, ticks, network.by_name[name].size)) for name in membrane}
    start = 0
    for p in network.inputs:
        kept[p.name][:] = inputs[:, :, start : start + p.size]
        start += p.size
    incoming = {p.name: [q for q in network.projections if q.target == p.name] for p in network.populations}
    constant = {name: sum_biases(found) for name, found in incoming.items()}
    neurons = {p.name: _Neurons(network, p, count, (initial or {}).get(p.name)) for p in network.order}
    for t in range(ticks):
        for p in network.order:
            if p.model == "input":
                continue
            total = np.zeros((count, p.size)) + constant[p.name]
            for q in incoming[p.name]:
                accumulate(total, q, kept[q.source], t)
            emitted = neurons[p.name].step(total)
            if t + p.spike_delay < ticks:
                kept[p.name][:, t + p.spike_delay] = emitted
            if p.name in watch:
                watch[p.name][:, t] = neurons[p.name].v
    names = network.outputs if record is None else tuple(record)
    return Record({n: kept[n] for n in names}, {n: (s.peak_v, s.peak_i) for n, s in neurons.items()}, watch)


def check_inputs(inputs: Any, size: int) -> FloatArray:
    array = np.asarray(inputs, np.float64)
    if array.ndim != 3 or array.shape[2] != size:
        fail("NC911", f"input must have shape (sequences, ticks, {size}), not {array.shape}")
    if not np.isfinite(array).all():
        fail("NC911", "input must be finite, but holds NaN or infinity")
    return array


def sum_biases(projections: list[Projection]) -> FloatArray | float:
    return sum((q.bias for q in projections if q.bias is not None), start=0.0)


def accumulate(total: Any, projection: Projection, history: Any, t: int) -> None:
    """Add what arrives at tick t, (N, n), from the source's outputs `history` (N, T, m)."""
    for own, operator in projection.connectivity.operators.items():
        when = t - own - projection.delay
        if when >= 0:
            total += (operator @ history[:, when].T).T


class _Neurons:
    """State of one population over a batch."""

    def __init__(self, network: Network, population: Population, count: int, initial: FloatArray | None):
        self.population = population
        self.model = MODELS[population.model]
        self.order = network.update_order
        self.get = population.value
        shape = (count, population.size)
        start = self.get("v_init") if "v_init" in self.model.parameters else np.zeros(population.size)
        self.v = np.array(np.broadcast_to(start if initial is None else initial, shape))
        self.i = np.zeros(shape)
        self.wait = np.zeros(shape, np.int64)
        self.peak_v = float(np.abs(self.v).max(initial=0.0))
        self.peak_i = 0.0
        self.rule = _rule(network, population)

    def step(self, total: FloatArray) -> FloatArray:
        if self.population.model == "linear":
            return total
        if self.population.model == "threshold":
            return np.asarray(self._above(total), np.float64)
        if self.population.model == "delta":
            sent = np.trunc((total - self.v) / self.get("v_threshold"))
            self.v = self.v + sent * self.get("v_threshold")
            self._note()
            return sent
        v, self.i = self.rule(self.v, self.i, total)
        v = self._rectified(v) if self.population.rectify else v
        self.v = np.where(self.wait > 0, self.v, v)
        self._note()
        if not self.model.fires:
            return self.v
        spike = self._above(self.v) & (self.wait == 0)
        self.wait = np.maximum(self.wait - 1, 0)
        if self.population.refractory:
            self.wait = np.where(spike, self.population.refractory, self.wait)
        if self.population.reset == "to_value":
            self.v = np.where(spike, self.get("v_reset"), self.v)
        elif self.population.reset == "subtract":
            self.v = self.v - spike * self.population.reset_by
        return np.asarray(spike, np.float64)

    def _rectified(self, v: FloatArray) -> FloatArray:
        threshold = self.get("v_threshold")
        pushed = np.clip(threshold + (v - threshold) * 2.0**self.population.rectify, 0, 2 * threshold)
        return np.where((v >= 0) & (v <= 2 * threshold), pushed, v)

    def _above(self, value: FloatArray) -> Any:
        threshold = self.get("v_threshold")
        return value > threshold if self.population.compare == ">" else value >= threshold

    def _note(self) -> None:
        self.peak_v = max(self.peak_v, float(np.abs(self.v).max(initial=0.0)))
        self.peak_i = max(self.peak_i, float(np.abs(self.i).max(initial=0.0)))


Rule = Callable[[FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def _rule(network: Network, p: Population) -> Rule:
    """(v, I, S) to (v, I), one tick."""
    dt = network.dt
    if p.model in ("if", "i"):
        gain = dt * p.value("r")
        return lambda v, i, s: (v + gain * s, i)
    if p.model in ("lif", "li"):
        tau, r, leak = p.value("tau"), p.value("r"), p.value("v_leak")
        if p.integrator == "forward_euler":
            return lambda v, i, s: (v + dt / tau * ((leak - v) + r * s), i)
        decay = np.exp(-dt / tau)
        return lambda v, i, s: ((leak + r * s) + (v - (leak + r * s)) * decay, i)
    if p.model in ("cuba_lif", "cuba_li"):
        return _cuba_rule(network, p)
    return lambda v, i, s: (v, i)


def _cuba_rule(network: Network, p: Population) -> Rule:
    dt, newest = network.dt, network.update_order == "current_before_voltage"
    tau_syn, tau_mem, r = p.value("tau_syn"), p.value("tau_mem"), p.value("r")
    leak, w_in = p.value("v_leak"), p.value("w_in")
    a, b = np.exp(-dt / tau_syn), np.exp(-dt / tau_mem)

    def forward(v: FloatArray, i: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        new = i + dt / tau_syn * (-i + w_in * s)
        return v + dt / tau_mem * ((leak - v) + r * (new if newest else i)), new

    def exponential(v: FloatArray, i: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        new = w_in * s + (i - w_in * s) * a
        rest = leak + r * (new if newest else i)
        return rest + (v - rest) * b, new

    # The particular response of v to a current that decays from i to w_in s; equal time constants give t exp(-t/tau).
    equal = np.isclose(tau_syn, tau_mem)
    gap = np.where(equal, 1.0, tau_syn - tau_mem)
    kernel = np.where(equal, dt / tau_mem * b, tau_syn / gap * (a - b))

    def exact(v: FloatArray, i: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        rest = leak + r * w_in * s
        return rest + (v - rest) * b + r * (i - w_in * s) * kernel, w_in * s + (i - w_in * s) * a

    return {"forward_euler": forward, "exponential_euler": exponential, "exact": exact}[p.integrator]
