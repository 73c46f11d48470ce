"""strip-heads: drop what follows the logits and keeps their order (softmax, log-softmax, a sigmoid at the output).

The reader of the outputs applies it, if at all: an arg-max is the same with and without. A quantiser behind a dropped
head goes with it: its steps are those of the head's results. Where `output` asks for nothing, a sigmoid that the model
itself quantises stays, since it is an exact staircase, and what is dropped is said by a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.log_softmax import LogSoftmax
from nc.ir.ops.pick import Pick
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.softmax import Softmax

HEADS = (Softmax, LogSoftmax, Sigmoid)
PASSED = (Reshape, ArgMax, Pick, Quantize, Dequantize, *HEADS)


@dataclass(frozen=True)
class StripHeads:
    """`output`: 'logits' and 'argmax' drop every head; 'auto' keeps those that are exact in integers."""

    output: str = "auto"

    name = "strip-heads"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        gone = {id(graph.nodes[v]) for v in _dropped(graph, self.output)}
        if not gone:
            return graph

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            return operands[0] if id(node) in gone else keep(build, node, operands)

        return rewrite(graph, visit)


def left_out(graph: Graph, output: str) -> list[Diagnostic]:
    """A warning for each head that is dropped though `output` asks for nothing."""
    if output != "auto":
        return []
    return [
        Diagnostic(
            "NC313",
            f"{node.op.name} is left out: the outputs are the logits in front of it",
            Where(node=node.origin),
            help="'--set output=logits' asks for that, '--set output=argmax' for the class index",
            severity="warning",
        )
        for value in sorted(_dropped(graph, output))
        if isinstance((node := graph.nodes[value]).op, HEADS) and not _decided(graph, value)
    ]


def _dropped(graph: Graph, output: str) -> set[Value]:
    """The heads, and the quantisers behind them."""
    final = _final(graph)
    dropped: set[Value] = set()
    behind: set[Value] = set()  # dropped heads and all that follows them
    for value, node in enumerate(graph.nodes):
        follows = any(o in behind for o in node.operands[:1])
        if value in final and isinstance(node.op, HEADS) and not (output == "auto" and _exact(graph, value)):
            dropped.add(value)
            behind.add(value)
        elif follows and value in final:
            behind.add(value)
            if isinstance(node.op, (Quantize, Dequantize)):
                dropped.add(value)
    return dropped


def _exact(graph: Graph, value: Value) -> bool:
    """A function of single numbers whose result the model quantises: integers can have it exactly."""
    return isinstance(graph.nodes[value].op, Sigmoid) and all(_quantised(graph, value))


def _quantised(graph: Graph, value: Value) -> Iterator[bool]:
    """For each way from a value to an output, whether a quantiser is the first to read it, layout aside."""
    if value in graph.outputs.values():
        yield False
    for user in graph.users[value]:
        if isinstance(graph.nodes[user].op, Reshape):
            yield from _quantised(graph, user)
        else:
            yield isinstance(graph.nodes[user].op, Quantize)


def _decided(graph: Graph, value: Value) -> bool:
    """Whether only an arg-max behind the value is seen: that is the same with and without a head."""
    users = graph.users[value]
    return value not in graph.outputs.values() and all(
        isinstance(graph.nodes[u].op, (ArgMax, Pick)) or _decided(graph, u) for u in users
    )


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
