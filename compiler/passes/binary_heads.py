"""binary-heads: an arg-max of the two probabilities 1 - p and p, p = sigmoid(z), is the comparison z > 0.

scikit-learn's exports write classifiers of two classes so. A tie goes to the first class both ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.concat import Concat
from nc.ir.ops.greater import Greater
from nc.ir.ops.pick import Pick
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.sub import Sub
from nc.ir.types import F32, TensorType


@dataclass(frozen=True)
class BinaryHeads:
    """No options."""

    name = "binary-heads"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        index = {id(node): value for value, node in enumerate(graph.nodes)}
        found = {value: z for value in range(len(graph.nodes)) if (z := _logit(graph, value)) is not None}
        if not found:
            return graph
        new: dict[Value, Value] = {}

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            value = index[id(node)]
            if value in found:
                zero = build.constant(np.zeros(()), TensorType((), F32))
                second = build.add(Greater(), new[found[value]], zero)
                picked = build.add(Pick(np.arange(2)), second)
                shape = node.type.shape
                made = picked if build.type(picked).shape == shape else build.add(Reshape(shape), picked)
            else:
                made = keep(build, node, operands)
            new[value] = made
            return made

        return rewrite(graph, visit)


def _logit(graph: Graph, value: Value) -> Value | None:
    """z, where the value is an arg-max of 1 - sigmoid(z) and sigmoid(z)."""
    node = graph.nodes[value]
    if not isinstance(node.op, ArgMax) or node.op.last:
        return None
    pair = graph.nodes[node.operands[0]]
    if not isinstance(pair.op, Concat) or len(pair.operands) != 2 or pair.type.size != 2:
        return None
    first, second = (graph.nodes[o] for o in pair.operands)
    if not isinstance(first.op, Sub) or not isinstance(second.op, Sigmoid) or first.operands[1] != pair.operands[1]:
        return None
    one = graph.nodes[first.operands[0]].constant
    return second.operands[0] if one is not None and np.all(one == 1) else None
