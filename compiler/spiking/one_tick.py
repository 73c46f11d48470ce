"""One-timestep spiking networks as ordinary binary-activation graphs, for every target that takes tensors."""

from __future__ import annotations

import numpy as np

from nc.ir.diagnostics import Collector, Where
from nc.ir.graph import Builder, Graph, Value
from nc.ir.ops.add import Add
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection
from nc.ir.spiking.run_fixed import divide
from nc.ir.types import IntType, TensorType


def to_graph(network: FixedNetwork) -> Graph:
    """The integer graph that computes the first tick of `network`. Inputs and outputs are flat, (n,) each.

    A state that has not been left yet is a constant: it joins the bias. Raises NC931 for what one tick cannot show.
    """
    found = Collector()
    for p in network.populations:
        if p.kind == "delta" or (p.kind == "neuron" and not p.fires):
            found.error("NC931", "populations must fire or be linear to become binary activations",
                        where=Where(node=p.name))  # fmt: skip
    found.raise_if_any()
    build = Builder(network.name)
    values: dict[str, Value] = {}
    for p in network.order:
        build.origin = p.name
        if p.kind == "input":
            values[p.name] = build.input(p.name, TensorType((p.size,), IntType(*p.output_range)))
            continue
        total = build.constant(_start(p))
        for q in (q for q in network.projections if q.target == p.name and q.instant):
            total = build.add(Add(), total, build.add(MatMul(), values[q.source], build.constant(_weights(q))))
        if p.kind == "linear":
            values[p.name] = total
            continue
        # Saturation cannot change a comparison with a threshold inside the range.
        step = MultiThreshold(p.array("threshold").reshape(-1, 1), np.ones(1, np.int64), 0)
        values[p.name] = build.add(step, total)
    for name in network.outputs:
        build.output(name, values[name])
    return build.finish()


def _start(p: FixedPopulation) -> IntArray:
    """What is there before any input: both biases and the decayed initial membrane."""
    kept = divide(p.array("v_init") * p.array("decay_mem"), p.decay_bits, p.rounding)
    return p.array("bias_in") + (p.array("bias") + kept if p.kind == "neuron" else 0)


def _weights(q: FixedProjection) -> IntArray:
    dense = np.zeros((q.connectivity.in_size, q.connectivity.out_size), np.int64)
    s = q.connectivity.synapses
    now = s.delay == 0
    dense[s.pre[now], s.post[now]] = s.weight[now] << q.shift
    return dense
