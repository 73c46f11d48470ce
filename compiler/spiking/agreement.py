"""How well an integer network follows its float reference on data: counts, decisions, saturation, silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


def observed(fixed: FixedNetwork, inputs: FloatArray) -> FixedNetwork:
    """The same network, its populations marked with the rates and overflows of a run on `inputs` (N, T, n)."""
    names = [p.name for p in fixed.populations]
    seen = run_fixed.run(fixed, inputs, record=names)
    marked = tuple(
        replace(p, rate=float(np.abs(seen.outputs[p.name]).mean()), overflows=seen.overflows.get(p.name, 0))
        for p in fixed.populations
    )
    return replace(fixed, populations=marked)


def findings(fixed: FixedNetwork) -> Sequence[Diagnostic]:
    """Warnings of an `observed` network: dead layers (NC921) and saturation (NC922)."""
    made = [
        Diagnostic(
            "NC921",
            f"population must fire on the calibration data, but all {p.size} neurons are silent",
            Where(node=p.name),
            help="lower its threshold, or quantise with more weight or fraction bits",
            severity="warning",
        )
        for p in fixed.populations
        if p.kind == "neuron" and p.fires and p.rate == 0
    ]
    made += [
        Diagnostic(
            "NC922",
            f"state must stay within its range on the calibration data, but left it {p.overflows} times",
            Where(node=p.name),
            help="widen the state, or give it fewer fraction bits",
            severity="warning",
        )
        for p in fixed.populations
        if p.overflows
    ]
    return made
