"""Before lowering: staircases move in front of the max pools that feed them, so that pools hold few bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.reshape import Reshape


def prepare(graph: Graph) -> Graph:
    """staircase(reshape(max_pool(x))) = reshape(max_pool(staircase(x))), where every channel's staircase rises."""
    moved = _movable(graph)
    placed = {stairs: pool for pool, (stairs, _) in moved.items()}
    index = iter(range(len(graph.nodes)))

    def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
        value = next(index)
        if value in placed:
            return operands[0]
        if value in moved:
            op = moved[value][1]
            build.origin = graph.nodes[moved[value][0]].origin
            stepped = build.add(op, *operands)
            build.origin = node.origin
            return build.add(node.op, stepped)
        if isinstance(node.op, Reshape):
            return build.add(node.op, *operands)
        return keep(build, node, operands)

    return rewrite(graph, visit) if moved else graph


def _movable(graph: Graph) -> dict[Value, tuple[Value, Any]]:
    """By max pool: the staircase after it, and the same staircase for the pool's operand."""
    found: dict[Value, tuple[Value, Any]] = {}
    outputs = set(graph.outputs.values())
    for pool, node in enumerate(graph.nodes):
        if not isinstance(node.op, MaxPool):
            continue
        value = pool
        while True:
            if len(graph.users[value]) != 1 or value in outputs:
                break
            (value,) = graph.users[value]
            user = graph.nodes[value]
            if isinstance(user.op, (Requantize, MultiThreshold)):
                by_channel = _by_channel(user.op, graph.type(user.operands[0]).shape, graph.type(pool).shape)
                if by_channel is not None:
                    found[pool] = value, by_channel
                break
            if not isinstance(user.op, Reshape):
                break
    return found


def _by_channel(op: Requantize | MultiThreshold, seen: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The staircase on a tensor (C, *spatial) whose reshaped form is `seen`; None where it varies within a channel or
    falls."""
    channels, plane = shape[0], int(np.prod(shape[1:]))
    names = ("multiplier", "offset") if isinstance(op, Requantize) else ("thresholds", "sign")
    rows: dict[str, Any] = {}
    for name in names:
        given = getattr(op, name)
        if len(given) > 1:
            extent = [1] * len(seen)
            extent[op.axis] = -1
            where = np.broadcast_to(np.arange(len(given)).reshape(extent), seen).reshape(channels, plane)
            spread = given[where]
            if (spread != spread[:, :1]).any():
                return None
            given = np.ascontiguousarray(spread[:, 0])
        rows[name] = given
    rising = rows["multiplier"] if isinstance(op, Requantize) else rows["sign"] * (1 if op.step > 0 else -1)
    if (np.asarray(rising) < 0).any():
        return None
    return replace(op, axis=0, **rows)
