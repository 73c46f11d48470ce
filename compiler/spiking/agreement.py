"""How well an integer network follows its float reference on data: counts, decisions, saturation, silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.spiking import reference, run_fixed
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import FloatArray, Network


@dataclass(frozen=True)
class Agreement:
    """Over (sequence, output neuron): spike counts that are equal; Σ|Δcount| / Σcount; equal arg-maxes.

    `rates`, `fixed_rates`: spikes a neuron and tick by population. `overflows`: saturation or wrap events.
    """

    equal_counts: float
    relative_error: float
    argmax: float
    silent_outputs: int
    rates: dict[str, float]
    fixed_rates: dict[str, float]
    overflows: dict[str, int]


def compare(network: Network, fixed: FixedNetwork, inputs: FloatArray) -> Agreement:
    """inputs: (N, T, n) integers, the same for both."""
    firing = [p.name for p in fixed.populations if p.kind == "neuron" and p.fires]
    names = dict.fromkeys([*firing, *fixed.outputs])
    want = reference.run(network, inputs, record=names)
    have = run_fixed.run(fixed, inputs, record=names)
    scale = {n: 1.0 if n in firing else fixed.by_name[n].scale for n in fixed.outputs}
    a = np.concatenate([want.outputs[n].sum(axis=1) for n in fixed.outputs], axis=1)
    b = np.concatenate([have.outputs[n].sum(axis=1) * scale[n] for n in fixed.outputs], axis=1)
    return Agreement(
        equal_counts=float((a == b).mean()),
        relative_error=float(np.abs(a - b).sum() / max(np.abs(a).sum(), 1e-12)),
        argmax=float((a.argmax(axis=1) == b.argmax(axis=1)).mean()),
        silent_outputs=int((a.sum(axis=0) == 0).sum()),
        rates={n: float(want.outputs[n].mean()) for n in firing},
        fixed_rates={n: float(have.outputs[n].mean()) for n in firing},
        overflows=have.overflows,
    )


def findings(agreement: Agreement) -> Sequence[Diagnostic]:
    """Warnings: dead layers (NC921) and saturation (NC922)."""
    made = [
        Diagnostic(
            "NC921",
            f"population must fire on the calibration data, but is silent (float rate {agreement.rates[name]:.4f})",
            Where(node=name),
            help="lower its threshold, or quantise with more weight or fraction bits",
            severity="warning",
        )
        for name, rate in agreement.fixed_rates.items()
        if rate == 0
    ]
    made += [
        Diagnostic(
            "NC922",
            f"state must stay within its range on the calibration data, but left it {count} times",
            Where(node=name),
            help="widen the state, or give it fewer fraction bits",
            severity="warning",
        )
        for name, count in agreement.overflows.items()
        if count
    ]
    return made
