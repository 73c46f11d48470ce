"""Bias correction: shift each layer's bias so that its mean output on the calibration data is the float one's.

Quantisation moves the mean of every channel a little; layers are corrected in order, each seeing its corrected
predecessors (Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019,
section 4.2, here with data). A mean is right for a layer and may still be wrong for what follows, so each shift is kept
only where the outputs come nearer to the float ones on samples that it was not made from.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nc.compiler.passes.integerize import Port
from nc.compiler.passes.quantise.places import Places
from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.interpret import evaluate
from nc.ir.ops.base import Array

SAMPLES = 1024
HELD = 4  # every fourth sample judges
LEAST = 2 * HELD  # samples; with fewer there is nothing to judge by, and nothing is corrected


def correct_biases(
    source: Graph, quantised: Graph, places: Places, calibration: Mapping[str, Array], ports: Mapping[str, Port]
) -> Graph:
    """The quantised graph with corrected biases. `places.biases` are additions of the source graph; the quantised
    graph sees the calibration data as its `ports` will carry them."""
    data = {label: array[:SAMPLES] for label, array in calibration.items()}
    samples = min(len(array) for array in data.values())
    if samples < LEAST:
        return quantised
    carried = {label: ports[label].carried(array) if label in ports else array for label, array in data.items()}
    additions = sorted(v for v, _ in places.biases)
    wanted = evaluate(source, data, probes=tuple(additions))
    twins = _twins(source, quantised, additions)
    judges = np.arange(samples) % HELD == HELD - 1
    found = evaluate(quantised, carried, probes=tuple(twins.values()))
    for value in additions:
        twin = twins[value]
        shift = _channel_mean((wanted[f"%{value}"] - found[f"%{twin}"])[~judges], source, value)
        trial = _shifted(quantised, twin, shift)
        after = evaluate(trial, carried, probes=tuple(twins.values()))
        if _error(source, after, wanted, judges) < _error(source, found, wanted, judges):
            quantised, found = trial, after
    return quantised


def _error(graph: Graph, found: Mapping[str, Array], wanted: Mapping[str, Array], judges: Array) -> float:
    """The outputs' squared error on the samples that judge, each output against its own power."""
    total = 0.0
    for label in graph.outputs:
        ours, theirs = (np.asarray(side[label][judges], np.float64) for side in (found, wanted))
        total += float(((ours - theirs) ** 2).sum()) / max(float((theirs**2).sum()), 1e-300)
    return total


def _twins(source: Graph, quantised: Graph, additions: list[Value]) -> dict[Value, Value]:
    """The additions' counterparts: both graphs list their biased layers in the same order."""
    pairs = dict(zip(_biased(source), _biased(quantised), strict=True))
    return {value: pairs[value] for value in additions}


def _biased(graph: Graph) -> list[Value]:
    return [v for v, n in enumerate(graph.nodes) if n.op.name == "add" and _bias_constant(graph, v) is not None]


def _bias_constant(graph: Graph, value: Value) -> Value | None:
    """The constant below an addition's operands, through quantisers."""
    for operand in graph.nodes[value].operands:
        at = operand
        while graph.nodes[at].op.name in ("quantize", "dequantize"):
            at = graph.nodes[at].operands[0]
        if graph.nodes[at].constant is not None:
            return at
    return None


def _channel_mean(error: Array, source: Graph, value: Value) -> Array:
    """Mean error, in the shape of the bias."""
    at = _bias_constant(source, value)
    shape = source.nodes[at].type.shape if at is not None else ()
    lined = (1,) * (error.ndim - 1 - len(shape)) + shape
    axes = (0, *(a + 1 for a, extent in enumerate(lined) if extent == 1))
    return np.asarray(error.mean(axis=axes, keepdims=True)[0].reshape(shape))


def _shifted(graph: Graph, addition: Value, shift: Array) -> Graph:
    at = _bias_constant(graph, addition)
    target = graph.nodes[at] if at is not None else None

    def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
        if node is target and node.constant is not None:
            return build.constant(node.constant + shift)
        return keep(build, node, operands)

    return rewrite(graph, visit)
