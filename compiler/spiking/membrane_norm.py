"""Batch norm on the membrane (MPBN, Guo et al. 2023) folded into thresholds: nothing of it is left at run time.

The neuron fires when gamma (v - mean) / sqrt(var + eps) + beta > v_threshold, that is when v passes
(v_threshold - beta) sqrt(var + eps) / gamma + mean: above it for gamma > 0, below it for gamma < 0. A neuron of
negative gamma is mirrored: its weights, bias, resets and threshold change sign, so that hardware compares one way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.spiking.connect import Chain, Scale
from nc.ir.spiking.network import FloatArray, Network


def fold_membrane_norm(
    network: Network, name: str, gamma: FloatArray, beta: FloatArray, mean: FloatArray, var: FloatArray,
    eps: float = 1e-5,
) -> Network:  # fmt: skip
    """The network without the norm on population `name`; each statistic (n,) or (1,). Raises NC905 for gamma = 0."""
    p = network.by_name[name]
    gamma, beta, mean, var = (np.broadcast_to(np.asarray(a, np.float64), (p.size,)) for a in (gamma, beta, mean, var))
    if (gamma == 0).any():
        fail("NC905", "gamma must not be 0: the neuron would fire always or never", where=Where(node=name))
    sign = np.sign(gamma)
    threshold = sign * ((p.value("v_threshold") - beta) * np.sqrt(var + eps) / gamma + mean)
    parameters = dict(p.parameters)
    # What a spike subtracts stays the old threshold: only the comparison moves.
    parameters |= {"v_threshold": threshold, "reset_by": sign * p.reset_by}
    for other in ("v_reset", "v_init", "v_leak"):
        if other in parameters:
            parameters[other] = sign * p.value(other)
    populations = tuple(replace(q, parameters=parameters) if q.name == name else q for q in network.populations)
    projections = tuple(
        replace(
            q,
            connectivity=Chain((q.connectivity, Scale(sign))),
            bias=None if q.bias is None else sign * q.bias,
        )
        if q.target == name
        else q
        for q in network.projections
    )
    made = replace(network, populations=populations, projections=projections)
    made.verify()
    return made
