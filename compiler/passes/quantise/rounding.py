"""Rounding weights so that a layer's output, not each weight, stays near: errors are passed on to later weights.

With H the second moments of the layer's inputs, rounding one weight by d changes the output least when the weights
not yet rounded take up -d * Hinv[i, j] / Hinv[i, i]; one sweep over the inputs does this for all outputs at once
(Frantar et al., "GPTQ", ICLR 2023, equations 2 to 4, with Hinv by its Cholesky factor).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate
from nc.ir.ops.base import Array
from nc.ir.ops.conv import Conv

DAMPING = 0.01  # of the mean second moment, added to the diagonal
WIDEST = 2048  # layers with more inputs are rounded to nearest: the factor would take too long
ROWS = 1 << 15  # input rows that a layer's moments are taken from
SAMPLES = 512


def moments(graph: Graph, inputs: Mapping[str, Array], layers: Iterable[Value]) -> dict[Value, list[Array]]:
    """Second moments (k, k) of each layer's inputs on calibration data, one matrix a group of a convolution."""
    wanted = [v for v in layers if fan_in(graph, v) <= WIDEST]
    sources = tuple(sorted({graph.nodes[v].operands[0] for v in wanted}))
    data = {label: array[:SAMPLES] for label, array in inputs.items()}
    seen = evaluate(graph, data, probes=sources) if sources else {}
    return {v: [_moment(rows) for rows in _rows(graph, v, seen[f"%{graph.nodes[v].operands[0]}"])] for v in wanted}


def fan_in(graph: Graph, layer: Value) -> int:
    """Weights that meet in one output of a layer."""
    weights = graph.type(graph.nodes[layer].operands[1]).shape
    return weights[0] if graph.nodes[layer].op.name == "matmul" else int(np.prod(weights[1:]))


def _rows(graph: Graph, layer: Value, x: Array) -> list[Array]:
    """The vectors that the weights multiply: (rows, k), one array a group."""
    op = graph.nodes[layer].op
    if not isinstance(op, Conv):
        return [_thin(x.reshape(-1, x.shape[-1]))]
    window = op.window(graph.type(graph.nodes[layer].operands[1]).shape)
    rank = len(window.kernel)
    view = np.moveaxis(window.view(window.pad(x, 0)), 1, 1 + rank)  # N, *output, C, *kernel
    members = x.shape[1] // op.groups
    groups = [view[(slice(None),) * (1 + rank) + (slice(g * members, (g + 1) * members),)] for g in range(op.groups)]
    return [_thin(part.reshape(int(np.prod(part.shape[: 1 + rank])), -1)) for part in groups]


def _thin(rows: Array) -> Array:
    return rows[:: max(1, len(rows) // ROWS)]


def _moment(rows: Array) -> Array:
    return np.asarray(rows.T @ rows / len(rows))


def round_columns(weights: Array, scale: Array, lo: int, hi: int, moment: Array) -> Array:
    """Integers (k, m) for float weights (k, m) with column scales (m,), rounded input by input."""
    rest = weights / scale
    k = len(rest)
    damped = moment + np.eye(k) * max(DAMPING * float(np.trace(moment)) / k, 1e-12)
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T  # upper triangular: Hinv = factor.T @ factor
    result = np.empty_like(rest)
    for i in range(k):
        result[i] = np.clip(np.rint(rest[i]), lo, hi)
        rest[i + 1 :] -= np.outer(factor[i, i + 1 :], (rest[i] - result[i]) / factor[i, i])
    return result


def rounded(weights: Array, scale: Array, lo: int, hi: int, moment: list[Array], *, conv: bool) -> Array:
    """A layer's weights on their grid, in the layout of the layer: (k, m) dense, (O, C / groups, *kernel) conv."""
    if not conv:
        return round_columns(weights, scale.reshape(-1), lo, hi, moment[0]) * scale
    made = len(weights) // len(moment)
    parts = []
    for g, matrix in enumerate(moment):
        part = weights[g * made : (g + 1) * made].reshape(made, -1).T
        own = scale.reshape(-1)[g * made : (g + 1) * made] if scale.size > 1 else scale.reshape(-1)
        parts.append(round_columns(part, own, lo, hi, matrix).T)
    return np.concatenate(parts).reshape(weights.shape) * scale
