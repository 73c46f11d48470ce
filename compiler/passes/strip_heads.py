"""strip-heads: drop what follows the logits and keeps their order (softmax, log-softmax, a sigmoid at the output).

The reader of the outputs applies it, if at all: an arg-max is the same with and without. A quantiser behind the
softmax goes with it: it could only make ties of what the logits still tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.log_softmax import LogSoftmax
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.softmax import Softmax

HEADS = (Softmax, LogSoftmax, Sigmoid)
PASSED = (Reshape, ArgMax, Quantize, Dequantize, *HEADS)


@dataclass(frozen=True)
class StripHeads:
    """No options."""

    name = "strip-heads"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        final = _final(graph)
        heads: set[Value] = set()
        for value, node in enumerate(graph.nodes):
            behind = any(o in heads for o in node.operands[:1]) and isinstance(node.op, (Quantize, Dequantize))
            if value in final and (isinstance(node.op, HEADS) or behind):
                heads.add(value)
        if not heads:
            return graph
        gone = {id(graph.nodes[v]) for v in heads}

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            return operands[0] if id(node) in gone else keep(build, node, operands)

        return rewrite(graph, visit)


def _final(graph: Graph) -> set[Value]:
    """Values that reach an output through reshapes, an arg-max, quantisers or other heads, and nothing else."""
    outputs = set(graph.outputs.values())
    final: set[Value] = set()
    for value in range(len(graph.nodes) - 1, -1, -1):
        users = graph.users[value]
        passed_on = all(u in final and isinstance(graph.nodes[u].op, PASSED) for u in users)
        if (users or value in outputs) and passed_on:
            final.add(value)
    return final
