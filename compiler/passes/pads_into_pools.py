"""pads-into-pools: padding with minus infinity that only maxima read becomes part of them, where it never wins.

No integer stands for minus infinity; max pools have pads of their own that mean it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.pad import Pad
from nc.ir.ops.reduce_max import ReduceMax

LOWEST = float(np.finfo(np.float32).min)
"""Exporters write this number for minus infinity."""


@dataclass(frozen=True)
class PadsIntoPools:
    """No options."""

    name = "pads-into-pools"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        merged = {v for v, node in enumerate(graph.nodes) if _unseen(graph, v, node)}
        if not merged:
            return graph
        places = iter(range(len(graph.nodes)))

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            value = next(places)
            if value in merged:
                return operands[0]
            if node.operands and node.operands[0] in merged and isinstance(node.op, MaxPool):
                return build.add(_padded(node.op, graph.nodes[node.operands[0]]), *operands)
            return keep(build, node, operands)

        return rewrite(graph, visit)


def _unseen(graph: Graph, value: Value, node: Node) -> bool:
    """Is this a pad that every reader is a maximum over, with something else beside it?"""
    op = node.op
    if not isinstance(op, Pad) or op.mode != "constant" or op.value > LOWEST or value in graph.outputs.values():
        return False
    half = len(op.pads) // 2
    axes = {a for a in range(half) if op.pads[a] or op.pads[a + half]}
    return bool(graph.users[value]) and all(
        isinstance(user.op, MaxPool) and 0 not in axes and _all_real(user.op, graph, node)
        or isinstance(user.op, ReduceMax) and axes <= {a % half for a in user.op.axes}
        for user in (graph.nodes[u] for u in graph.users[value])
    )  # fmt: skip


def _all_real(pool: MaxPool, graph: Graph, node: Node) -> bool:
    """Does every window of the pool see an element that is no padding?"""
    window = _padded(pool, node).window
    return bool((window.indices(graph.type(node.operands[0]).shape[1:]) >= 0).any(axis=1).all())


def _padded(pool: MaxPool, node: Node) -> MaxPool:
    """The pool with the pads of the Pad `node` as its own, behind those that it has."""
    pads: tuple[int, ...] = node.op.pads  # type: ignore[attr-defined]
    half = len(pads) // 2
    spatial = (*pads[1:half], *pads[half + 1 :])
    return replace(pool, pads=tuple(a + b for a, b in zip(pool.pads, spatial, strict=True)))
