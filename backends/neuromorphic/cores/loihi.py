"""Loihi 1's arithmetic: current-based neurons in 24 bits with 12-bit decays, as its published software models have it.

    u = wrap24(trunc(u · (4096 - du - 1) / 4096) + (a << 6))          a: the sum of weights · 2^(6 + exponent) / 64
    v = clip(trunc(v · (4096 - dv) / 4096) + u + bias);  v > vth << 6: spike, v = 0

A spike is seen by its targets one tick later, or `delay` ticks later where a synapse has a longer one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nc.compiler.spiking.fold import coefficients
from nc.compiler.spiking.quantise import round_weights
from nc.ir.diagnostics import Collector, Where
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.network import Network, Population
from nc.ir.spiking.run_fixed import divide

NEURONS, MAX_DELAY, WEIGHT_BITS, STATE = 1024, 62, 9, 1 << 23
SHIFT = 6


@dataclass(frozen=True)
class LoihiProgram:
    """Compartments (n,) and synapses (pre, post, weight 9-bit signed, exponent, delay); inputs come first."""

    du: IntArray
    dv: IntArray
    vth: IntArray
    bias: IntArray
    pre: IntArray
    post: IntArray
    weight: IntArray
    exponent: IntArray
    delay: IntArray
    inputs: int
    outputs: IntArray

    def write(self, path: Path) -> None:
        held = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}
        path.write_text(json.dumps(held) + "\n")


def run(program: LoihiProgram, spikes: IntArray) -> IntArray:
    """spikes (T, inputs) to the spikes of all compartments (T, n)."""
    p = program
    ticks, n = len(spikes), len(p.du)
    sums = np.zeros((ticks + MAX_DELAY + 2, n), np.int64)
    u, v = np.zeros(n, np.int64), np.zeros(n, np.int64)
    out = np.zeros((ticks, n), np.int64)
    rows: list[IntArray] = [np.flatnonzero(p.pre == k) for k in range(p.inputs + n)]
    for t in range(ticks):
        for source in np.flatnonzero(spikes[t]):
            _deliver(sums, p, rows[source], t - 1)
        u = _wrap(divide(u * (4096 - p.du - 1), 12, "truncate") + (sums[t] << SHIFT))
        v = np.clip(divide(v * (4096 - p.dv), 12, "truncate") + u + p.bias, -STATE + 1, STATE - 1)
        out[t] = v > p.vth << SHIFT
        v = np.where(out[t] == 1, 0, v)
        for source in np.flatnonzero(out[t]):
            _deliver(sums, p, rows[p.inputs + source], t)
    return out


def _deliver(sums: IntArray, p: LoihiProgram, row: IntArray, t: int) -> None:
    np.add.at(sums, (t + p.delay[row], p.post[row]), p.weight[row] << p.exponent[row])


def _wrap(value: IntArray) -> IntArray:
    return ((value + STATE) & (2 * STATE - 1)) - STATE


def lower(network: Network) -> LoihiProgram:
    """A program of `cuba_lif` and `lif` populations reset to 0; a projection within a tick takes one here."""
    found = Collector()
    neurons = [p for p in network.order if p.model != "input"]
    for p in neurons:
        if p.model not in ("cuba_lif", "lif") or p.reset != "to_value" or p.value("v_reset").any():
            found.error("NC931", "Loihi's neurons must be lif or cuba_lif, reset to 0", where=Where(node=p.name))
        if p.refractory or p.spike_delay or p.rectify:
            found.error("NC931", "refractory times, spike delays and rectifiers are not lowered to Loihi",
                        where=Where(node=p.name))  # fmt: skip
    size = sum(p.size for p in neurons)
    if size > NEURONS:
        found.error("NC930", f"compartments of a Loihi core must be at most {NEURONS}, not {size}")
    found.raise_if_any()
    base = dict(zip((p.name for p in (*network.inputs, *neurons)), _starts([*network.inputs, *neurons])))
    inputs = sum(p.size for p in network.inputs)
    parts: dict[str, list[IntArray]] = {k: [] for k in ("du", "dv", "vth", "bias")}
    synapses: dict[str, list[IntArray]] = {k: [] for k in ("pre", "post", "weight", "exponent", "delay")}
    for p in neurons:
        c = coefficients(network, p)
        # Thresholds have 17 bits of vth << 6; half of that leaves room for weights of either kind.
        unit = float(p.value("v_threshold").max()) / (1 << 15 << SHIFT)
        current = p.model == "cuba_lif"
        parts["du"].append(np.rint(4095 - 4096 * c.decay_syn) if current else np.full(p.size, 4095))
        parts["dv"].append(np.rint(4096 * (1 - c.decay_mem)))
        parts["vth"].append(np.rint(p.value("v_threshold") / unit / (1 << SHIFT)))
        incoming = [q for q in network.projections if q.target == p.name]
        constant = sum((q.bias for q in incoming if q.bias is not None), start=np.zeros(p.size)) * c.gain
        steady = constant / (1 - c.decay_syn) if current else constant
        parts["bias"].append(np.rint((steady + c.constant) / unit))
        for q in incoming:
            s = q.connectivity.synapses
            shift, weight = round_weights(s.weight * c.gain[s.post] / unit / (1 << SHIFT), WEIGHT_BITS)
            synapses["pre"].append(s.pre + base[q.source])
            synapses["post"].append(s.post + base[p.name] - inputs)
            synapses["weight"].append(weight)
            synapses["exponent"].append(np.full(len(weight), shift))
            synapses["delay"].append(np.maximum(s.delay + q.delay, 1))
    watched = [np.arange(network.by_name[n].size) + base[n] - inputs for n in network.outputs]
    held = {k: np.concatenate(v).astype(np.int64) for k, v in {**parts, **synapses}.items()}
    if held["delay"].max(initial=0) > MAX_DELAY:
        found.error("NC930", f"delays must be at most {MAX_DELAY} ticks, not {held['delay'].max()}")
        found.raise_if_any()
    return LoihiProgram(**held, inputs=inputs, outputs=np.concatenate(watched))


def _starts(populations: list[Population]) -> list[int]:
    return [sum(p.size for p in populations[:k]) for k in range(len(populations))]
