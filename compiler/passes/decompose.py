"""decompose: every operation spelled out in primitives, so that backends implement a small closed set."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite


@dataclass(frozen=True)
class Decompose:
    """Integer stage to primitive stage; an operation that is a primitive already stays as it is."""

    name = "decompose"
    consumes = "integer"
    produces = "primitive"

    def run(self, graph: Graph) -> Graph:
        """The same function, by `Op.decompose` of each node."""
        return rewrite(graph, _spelled_out)


def _spelled_out(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
    parts = node.op.decompose(build, *operands)
    return keep(build, node, operands) if parts is None else parts
