"""The integer interpreter of `FixedNetwork` under sum-then-fire: exact, vectorised over a batch of sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection


@dataclass(frozen=True)
class FixedRecord:
    """`outputs[name]` (N, T, n); `overflows[name]`: how often a state was saturated or wrapped; `peak[name]`: |v|."""

    outputs: dict[str, IntArray]
    overflows: dict[str, int]
    peak: dict[str, int]
    membrane: dict[str, IntArray] = field(default_factory=dict)


def run(
    network: FixedNetwork,
    inputs: Any,
    *,
    record: Iterable[str] | None = None,
    membrane: Iterable[str] = (),
    initial: Mapping[str, IntArray] | None = None,
) -> FixedRecord:
    """Run sequences of integers (N, T, inputs), the input populations side by side in file order.

    `record`: populations to keep (default: the outputs). `initial`: starting membranes (N, n) instead of v_init.
    """
    if network.semantics != "sum_then_fire":
        fail(
            "NC931",
            f"this interpreter runs sum_then_fire, not {network.semantics}",
            help="use nc.ir.spiking.event_order",
        )
    inputs = check_inputs(network, inputs)
    count, ticks, _ = inputs.shape
    # Firing populations emit bits: bytes keep the history of a large network in memory.
    kept: dict[str, Any] = {
        p.name: np.zeros((count, ticks, p.size), np.int8 if p.kind == "neuron" and p.fires else np.int64)
        for p in network.populations
    }
    watch = {name: np.zeros((count, ticks, network.by_name[name].size), np.int64) for name in membrane}
    start = 0
    for p in network.inputs:
        kept[p.name][:] = inputs[:, :, start : start + p.size]
        start += p.size
    incoming = {p.name: [q for q in network.projections if q.target == p.name] for p in network.populations}
    neurons = {p.name: Neurons(p, network.update_order, count, (initial or {}).get(p.name)) for p in network.order}
    for t in range(ticks):
        for p in network.order:
            if p.kind == "input":
                continue
            total = np.zeros((count, p.size), np.int64) + p.array("bias_in")
            for q in incoming[p.name]:
                _accumulate(total, q, kept[q.source], t)
            emitted = neurons[p.name].step(total)
            if t + p.spike_delay < ticks:
                kept[p.name][:, t + p.spike_delay] = emitted
            if p.name in watch:
                watch[p.name][:, t] = neurons[p.name].v
    names = network.outputs if record is None else tuple(record)
    return FixedRecord(
        {n: kept[n].astype(np.int64) for n in names},
        {n: s.overflows for n, s in neurons.items() if s.population.kind == "neuron"},
        {n: s.peak for n, s in neurons.items()},
        watch,
    )


def check_inputs(network: FixedNetwork, inputs: Any) -> IntArray:
    array = np.asarray(inputs)
    size = sum(p.size for p in network.inputs)
    if array.ndim != 3 or array.shape[2] != size:
        fail("NC911", f"input must have shape (sequences, ticks, {size}), not {array.shape}")
    if array.dtype.kind not in "biu" and not np.array_equal(array, np.floor(array)):
        fail("NC911", "input of a fixed-point network must be integers")
    values = array.astype(np.int64)
    start = 0
    for p in network.inputs:
        part = values[:, :, start : start + p.size]
        start += p.size
        if part.size and (part.min() < p.low or part.max() > p.high):
            fail("NC911", f"input '{p.name}' must lie in {p.low} … {p.high}, not {part.min()} … {part.max()}")
    return values


def _accumulate(total: IntArray, q: FixedProjection, history: Any, t: int) -> None:
    for own, operator in q.connectivity.operators.items():
        when = t - own - q.delay
        if when >= 0:
            total += (operator @ history[:, when].T.astype(np.int64)).T << q.shift


def divide(value: IntArray, bits: int, rounding: str) -> IntArray:
    """value / 2**bits, rounded: half up, toward minus infinity, or toward zero."""
    if bits == 0:
        return value
    if rounding == "nearest":
        return (value + (1 << (bits - 1))) >> bits
    if rounding == "floor":
        return value >> bits
    return np.where(value < 0, -(-value >> bits), value >> bits)


class Neurons:
    """State of one population over a batch of `count` sequences."""

    def __init__(self, p: FixedPopulation, update_order: str, count: int, initial: IntArray | None = None):
        self.population = p
        self.newest = update_order == "current_before_voltage"
        self.arrays = {
            name: p.array(name)
            for name in ("decay_syn", "decay_mem", "bias", "threshold", "reset_by", "reset_to", "v_init")
        }
        start = self.arrays["v_init"] if initial is None else initial
        self.v = np.array(np.broadcast_to(start, (count, p.size)), np.int64)
        self.i = np.zeros((count, p.size), np.int64)
        self.wait = np.zeros((count, p.size), np.int64)
        self.overflows = 0
        self.peak = 0

    def step(self, total: IntArray) -> IntArray:
        return {"neuron": self._neuron, "linear": self._linear, "delta": self._delta}[self.population.kind](total)

    def _linear(self, total: IntArray) -> IntArray:
        return self._limit(total)

    def _delta(self, total: IntArray) -> IntArray:
        change, unit = total - self.v, self.arrays["threshold"]
        sent = np.sign(change) * (np.abs(change) // unit)
        self.v = self.v + sent * unit
        return self._limit(sent)

    def _neuron(self, total: IntArray) -> IntArray:
        p, a = self.population, self.arrays
        drive = total
        if p.has_current:
            old = self.i
            self.i = self._limit(divide(old * a["decay_syn"], p.decay_bits, p.rounding) + total)
            drive = self.i if self.newest else old
        v = self._limit(divide(self.v * a["decay_mem"], p.decay_bits, p.rounding) + drive + a["bias"])
        if p.rectify:
            level = a["threshold"]
            pushed = np.clip(level + ((v - level) << p.rectify), 0, 2 * level)
            v = self._limit(np.where((v >= 0) & (v <= 2 * level), pushed, v))
        self.v = np.where(self.wait > 0, self.v, v) if p.refractory else v
        self.peak = max(self.peak, int(np.abs(self.v).max(initial=0)))
        if not p.fires:
            return self.v
        spike = self.v >= a["threshold"]
        if p.refractory:
            spike &= self.wait == 0
            self.wait = np.where(spike, p.refractory, np.maximum(self.wait - 1, 0))
        if p.reset == "to_value":
            self.v = np.where(spike, a["reset_to"], self.v)
        elif p.reset == "subtract":
            self.v = self._limit(self.v - spike * a["reset_by"])
        return spike.astype(np.int64)

    def _limit(self, value: IntArray) -> IntArray:
        p = self.population
        if p.overflow == "saturate":
            limited = np.clip(value, p.low, p.high)
        else:
            limited = ((value - p.low) & ((1 << p.state_bits) - 1)) + p.low
        self.overflows += int((limited != value).sum())
        return limited
