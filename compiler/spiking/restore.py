"""A float network with the integers of a fixed one, for files that hold equations: NIR, PyNN, other cores.

One tick is the unit of time and one integer the unit of the membrane: v <- d v + i is forward Euler of
tau = 1 / (1 - d), r = tau. Rounding and saturation of the fixed network are not part of any equation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nc.ir.diagnostics import Collector, Where
from nc.ir.spiking.connect import Chain, Connectivity, Scale
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection
from nc.ir.spiking.network import FloatArray, Network, Population, Projection


def restore(fixed: FixedNetwork) -> Network:
    """Same names, shapes, delays. Raises NC931 for a current that does not decay, which no equation of NIR has."""
    found = Collector()
    for p in fixed.populations:
        if p.has_current and (p.array("decay_syn") == 1 << p.decay_bits).any():
            found.error("NC931", "the current must decay to have a time constant", where=Where(node=p.name))
    found.raise_if_any()
    populations = tuple(_population(p) for p in fixed.populations)
    by_name = {p.name: p for p in populations}
    projections = [_projection(q, by_name[q.target]) for q in fixed.projections]
    for p in fixed.populations:
        if p.kind == "input" or not p.array("bias_in").any():
            continue
        at = next(k for k, q in enumerate(projections) if q.target == p.name)
        projections[at] = replace(projections[at], bias=p.array("bias_in").astype(np.float64))
    made = Network(fixed.name, 1.0, populations, tuple(projections), fixed.outputs, fixed.semantics, fixed.update_order)
    made.verify()
    return made


def _population(p: FixedPopulation) -> Population:
    if p.kind in ("input", "linear"):
        return Population(p.name, p.kind, p.shape)
    values = {"v_threshold": p.array("threshold").astype(np.float64)}
    if p.kind == "delta":
        return Population(p.name, "delta", p.shape, values)
    one = float(1 << p.decay_bits)
    leak = 1 - p.array("decay_mem") / one
    bias = p.array("bias").astype(np.float64)
    if (leak == 0).all() and not bias.any() and not p.has_current:
        values["r"] = np.ones(1)
        model = "if" if p.fires else "i"
    else:
        model = ("cuba_" if p.has_current else "") + ("lif" if p.fires else "li")
        # A membrane that keeps everything has a time constant beyond any sequence.
        leak = np.maximum(leak, 2.0**-40)
        values |= {"tau_mem" if p.has_current else "tau": 1 / leak, "r": 1 / leak, "v_leak": bias / leak}
    if p.has_current:
        tau = 1 / (1 - p.array("decay_syn") / one)
        values |= {"tau_syn": tau, "w_in": tau}
    if not p.fires:
        del values["v_threshold"]
    else:
        # v >= θ on integers is v > θ - ½, and what is subtracted stays θ.
        values |= {
            "v_threshold": values["v_threshold"] - 0.5,
            "v_reset": p.array("reset_to").astype(np.float64),
            "reset_by": p.array("reset_by").astype(np.float64),
        }
        if p.reset != "subtract":
            del values["reset_by"]
    if p.array("v_init").any():
        values["v_init"] = p.array("v_init").astype(np.float64)
    reset = p.reset if p.fires else "none"
    return Population(
        p.name,
        model,
        p.shape,
        values,
        reset=reset,
        refractory=p.refractory,
        spike_delay=p.spike_delay,
        rectify=p.rectify,
    )


def _projection(q: FixedProjection, target: Population) -> Projection:
    weights: Connectivity = q.connectivity
    if q.shift:
        scale: FloatArray = np.full(target.size, float(1 << q.shift))
        weights = Chain((q.connectivity, Scale(scale)))
    return Projection(q.name, q.source, q.target, weights, delay=q.delay)
