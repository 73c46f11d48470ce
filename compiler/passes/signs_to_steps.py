"""signs-to-steps: a sign is a staircase of two steps, exact without a quantiser: binary networks stay binary.

-1 below 0, 0 at 0, 1 above: MultiThreshold with the thresholds 0 and the least positive number. On integers both are
exact, and coincide where a sum is never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.sign import Sign

LEAST = float(np.finfo(np.float32).smallest_subnormal)


@dataclass(frozen=True)
class SignsToSteps:
    """No options. Signs that a quantiser follows stay: the quantiser says what they become."""

    name = "signs-to-steps"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        found = {
            id(node)
            for value, node in enumerate(graph.nodes)
            if isinstance(node.op, Sign)
            and node.type.rank
            and not any(graph.nodes[user].op.name == "quantize" for user in graph.users[value])
        }
        if not found:
            return graph

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            if id(node) not in found:
                return keep(build, node, operands)
            steps = MultiThreshold(np.array([[0.0, LEAST]]), np.ones(1, np.int64), 0, -1, 1)
            integers = build.add(steps, *operands, origin=node.origin)
            return build.add(Dequantize(np.ones(()), np.zeros((), np.int64)), integers, origin=node.origin)

        return rewrite(graph, visit)
