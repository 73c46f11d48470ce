"""lower-primitive: convolutions and pools become rewiring, matrix products and reductions."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.stages import PRIMITIVE


@dataclass(frozen=True)
class LowerPrimitive:
    """No options. Calls each operation's own `decompose`."""

    name = "lower-primitive"
    consumes = "integer"
    produces = "primitive"

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _visit)


def _visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
    if node.op.name in PRIMITIVE:
        return keep(build, node, operands)
    made = node.op.decompose(build, *operands)
    return keep(build, node, operands) if made is None else made
