"""strip-heads: drop what follows the logits and keeps their order (softmax, log-softmax, a sigmoid at the output).

The reader of the outputs applies it, if at all: an arg-max is the same with and without.
"""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.log_softmax import LogSoftmax
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.softmax import Softmax

HEADS = (Softmax, LogSoftmax, Sigmoid)


@dataclass(frozen=True)
class StripHeads:
    """No options."""

    name = "strip-heads"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        final = _final(graph)
        heads = {v for v, n in enumerate(graph.nodes) if isinstance(n.op, HEADS) and v in final}
        if not heads:
            return graph
        index = {id(graph.nodes[v]): v for v in heads}

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            return operands[0] if id(node) in index else keep(build, node, operands)

        return rewrite(graph, visit)


def _final(graph: Graph) -> set[Value]:
    """Values that reach an output through nothing but reshapes, an arg-max, or other heads, and nothing else."""
    outputs = set(graph.outputs.values())
    final: set[Value] = set()
    for value in range(len(graph.nodes) - 1, -1, -1):
        users = graph.users[value]
        passed_on = all(u in final and isinstance(graph.nodes[u].op, (Reshape, ArgMax, *HEADS)) for u in users)
        if (users or value in outputs) and passed_on:
            final.add(value)
    return final
