"""Discrete-time coefficients of each neuron model: the constants that NIR's equations fold into for one tick.

current:  i <- decay_syn i + S'          S' = gain S     (the gain of both equations is folded into i and S)
membrane: v <- decay_mem v + i + constant         or, without current, v <- decay_mem v + S' + constant
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.spiking.models import MODELS
from nc.ir.spiking.network import FloatArray, Network, Population


@dataclass(frozen=True)
class Coefficients:
    """Each (n,); `current_gain` turns I of the equations into the folded i."""

    decay_mem: FloatArray
    decay_syn: FloatArray
    gain: FloatArray
    constant: FloatArray
    current_gain: FloatArray


def coefficients(network: Network, p: Population) -> Coefficients:
    """Raises NC920 for the exact integrator of a two-state neuron, whose input acts on both states."""
    ones, zeros = np.ones(p.size), np.zeros(p.size)
    if not MODELS[p.model].membrane or p.model == "delta":
        return Coefficients(zeros, zeros, ones, zeros, ones)
    if p.model in ("if", "i"):
        return Coefficients(ones, zeros, network.dt * p.value("r"), zeros, ones)
    if MODELS[p.model].current and p.integrator == "exact":
        fail(
            "NC920",
            "integrator of a two-state neuron must be forward_euler or exponential_euler in fixed point, not exact",
            where=Where(node=p.name),
            help="exponential_euler differs from the exact solution by the input within one tick only",
        )
    forward = p.integrator == "forward_euler"
    part = {name: _step(network.dt / p.value(name), forward) for name in _taus(p)}
    if not MODELS[p.model].current:
        leak = part["tau"]
        return Coefficients(1 - leak, zeros, leak * p.value("r"), leak * p.value("v_leak"), ones)
    synapse, membrane = part["tau_syn"], part["tau_mem"]
    current_gain = membrane * p.value("r")
    return Coefficients(
        1 - membrane, 1 - synapse, synapse * p.value("w_in") * current_gain, membrane * p.value("v_leak"), current_gain
    )


def _step(ratio: FloatArray, forward: bool) -> FloatArray:
    return ratio if forward else -np.expm1(-ratio)


def _taus(p: Population) -> list[str]:
    return [name for name in ("tau", "tau_syn", "tau_mem") if name in MODELS[p.model].parameters]
