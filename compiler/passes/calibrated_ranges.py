"""calibrated-ranges: words lose the high bits that no calibration sample used; a clamp is their guard.

Inputs and what non-linear operations give are clamped, element by element, to the words that calibration data need,
and to a constant where all samples agree. From then on that is what the network computes: a value out of range
saturates, in the integer graph as in hardware, and every sum behind it is as narrow as its operands prove.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.interpret import evaluate
from nc.ir.ops.base import Array
from nc.ir.ops.maximum import Maximum
from nc.ir.ops.minimum import Minimum
from nc.ir.types import IntType
from nc.ir.words.graph import IntArray

GUARDED = ("input", "requantize", "clip", "multi_threshold", "table", "relu")
BATCH = 1024


@dataclass(frozen=True, eq=False)
class CalibratedRanges:
    """`data`: integer samples of every input, (N, *shape)."""

    data: Mapping[str, Array]

    name = "calibrated-ranges"
    consumes = "integer"
    produces = "integer"

    def run(self, graph: Graph) -> Graph:
        chosen = [
            value
            for value, node in enumerate(graph.nodes)
            if node.op.name in GUARDED and node.type.is_int and node.type.int.step == 1 and node.type.size
            if graph.users[value] and value not in graph.outputs.values()
        ]
        seen = _seen(graph, chosen, self.data)
        bounds = {id(graph.nodes[v]): words(*seen[v], graph.type(v).int) for v in chosen}

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            value = keep(build, node, operands)
            if id(node) not in bounds:
                return value
            low, high = bounds[id(node)]
            for op, limit, end in ((Minimum(), high, node.type.int.hi), (Maximum(), low, node.type.int.lo)):
                if (limit != end).any():
                    value = build.add(op, value, build.constant(limit), meaning=node.type.meaning)
            return value

        return rewrite(graph, visit)


def words(low: IntArray, high: IntArray, kind: IntType) -> tuple[IntArray, IntArray]:
    """The ranges of the narrowest words that hold low..high, within the type; a single value stays one."""
    top, bottom = (np.frexp(np.where(end < 0, ~end, end).astype(np.float64))[1].astype(np.int64) for end in (high, low))
    bits = np.where(low < 0, np.maximum(top, bottom), top)
    ends = np.where(low < 0, -(np.int64(1) << bits), 0), (np.int64(1) << bits) - 1
    fixed = low == high
    return (
        np.where(fixed, low, np.maximum(ends[0], kind.lo)),
        np.where(fixed, high, np.minimum(ends[1], kind.hi)),
    )


def _seen(graph: Graph, values: list[Value], data: Mapping[str, Array]) -> dict[Value, tuple[IntArray, IntArray]]:
    """The least and the largest number of each element over all samples."""
    found: dict[Value, tuple[IntArray, IntArray]] = {}
    count = min(len(samples) for samples in data.values())
    batch_size = max(count, 1) if graph.states else BATCH  # a sequence goes on from sample to sample
    for first in range(0, count, batch_size):
        part = {label: samples[first : first + batch_size] for label, samples in data.items()}
        results = evaluate(graph, part, probes=tuple(values))
        for value in values:
            batch = np.asarray(results[f"%{value}"], np.int64)
            ends = batch.min(axis=0), batch.max(axis=0)
            before = found.get(value, ends)
            found[value] = np.minimum(before[0], ends[0]), np.maximum(before[1], ends[1])
    return found
