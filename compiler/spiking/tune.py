"""Chooses fraction bits on calibration data: at narrow widths some saturation costs less than coarse rounding."""

from __future__ import annotations

from dataclasses import replace
from math import frexp

from nc.compiler.spiking.agreement import compare
from nc.compiler.spiking.quantise import Precision, quantise
from nc.ir.diagnostics import NcError
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import FloatArray, Network


def tune(network: Network, precision: Precision, calibration: FloatArray, *, reach: int = 4) -> FixedNetwork:
    """Coordinate descent, population by population, over up to `reach` more fraction bits than the ranges allow.

    Minimises Σ|Δcount| / Σcount of the outputs against the float reference on `calibration` (N, T, inputs).
    """
    best = quantise(network, precision, calibration)
    score = compare(network, best, calibration).relative_error
    chosen = {p.name: round(-_log2(p.scale)) for p in best.populations if p.kind == "neuron"}
    for name in chosen:
        start = chosen[name]
        for extra in range(1, reach + 1):
            trial = {**chosen, name: start + extra}
            try:
                made = quantise(network, replace(precision, fraction={**precision.fraction, **trial}), calibration)
            except NcError:  # the threshold no longer fits: more fraction bits will not help
                break
            error = compare(network, made, calibration).relative_error
            if error < score:
                best, score, chosen = made, error, trial
    return best


def _log2(power: float) -> int:
    return frexp(power)[1] - 1
