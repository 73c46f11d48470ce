"""NeuroBench's metrics (Yik et al., Nature Communications 2025) of a run, and the network's size in packed bits."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.run_fixed import run

E_MAC_PJ, E_AC_PJ = 4.6, 0.9
"""Energies of a 32-bit multiply-accumulate and an accumulate at 45 nm (Horowitz 2014; recalled)."""


@dataclass(frozen=True)
class Metrics:
    """`packed_bits`: weights, biases, thresholds, decays and states at their widths.

    `connection_sparsity`: share of weights that are zero where a dense matrix would stand. `activation_sparsity`:
    share of neuron ticks without a spike. Synaptic operations are per sequence: `dense` counts all, `effective_macs`
    and `effective_acs` those with a non-zero weight and input (a graded input multiplies, a spike adds).
    `membrane_updates`: neurons times ticks, per sequence. `energy_pj`: operations only; data movement comes on top.
    """

    packed_bits: int
    connection_sparsity: float
    activation_sparsity: float
    dense: float
    effective_macs: float
    effective_acs: float
    membrane_updates: float
    rates: dict[str, float]
    energy_pj: float

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def measure(network: FixedNetwork, inputs: object) -> Metrics:
    """inputs: (N, T, n) integers."""
    names = [p.name for p in network.populations]
    outputs = run(network, inputs, record=names).outputs
    sequences, ticks = next(iter(outputs.values())).shape[:2]
    macs = acs = dense = 0.0
    weights = nonzero = 0
    for q in network.projections:
        s = q.connectivity.synapses
        seen = outputs[q.source]
        fan_out = np.bincount(s.pre, minlength=q.connectivity.in_size)
        operations = float(((seen != 0).sum(axis=(0, 1)) * fan_out).sum())
        # Values other than 0 and 1 need a product; NeuroBench decides so for a whole layer.
        graded = bool(((seen != 0) & (seen != 1) & (seen != -1)).any())
        macs, acs = macs + operations * graded, acs + operations * (not graded)
        size = q.connectivity.in_size * q.connectivity.out_size
        dense += float(size) * ticks * sequences
        weights, nonzero = weights + size, nonzero + len(s.weight)
    firing = [p for p in network.populations if p.kind == "neuron" and p.fires]
    updates = sum(p.size for p in network.populations if p.kind == "neuron") * ticks
    spikes = sum(float(outputs[p.name].sum()) for p in firing)
    places = max(sum(outputs[p.name].size for p in firing), 1)
    return Metrics(
        packed_bits=packed_bits(network),
        connection_sparsity=1 - nonzero / max(weights, 1),
        activation_sparsity=1 - spikes / places,
        dense=dense / sequences,
        effective_macs=macs / sequences,
        effective_acs=acs / sequences,
        membrane_updates=float(updates),
        rates={p.name: float(outputs[p.name].mean()) for p in firing},
        energy_pj=(E_MAC_PJ * macs + E_AC_PJ * acs) / sequences,
    )


def packed_bits(network: FixedNetwork) -> int:
    """Parameters and states at the widths that the integer network has."""
    total = sum(len(q.connectivity.synapses.weight) * q.bits for q in network.projections)
    for p in network.populations:
        if p.kind == "input":
            continue
        states = (1 + p.has_current) * p.state_bits
        decays = sum(
            p.decay_bits for n in ("decay_syn", "decay_mem") if n in p.arrays and (p.has_current or n[-3:] == "mem")
        )
        others = sum(p.state_bits for n in ("bias_in", "bias", "threshold") if n in p.arrays)
        total += p.size * (states + decays + others)
    return total
