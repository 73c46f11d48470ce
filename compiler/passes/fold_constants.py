"""fold-constants: compute what depends on float constants only. Quantised constants keep their quantisers, which
tell later passes the integers that they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import Collector, Where
from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.types import F32


@dataclass(frozen=True)
class FoldConstants:
    """No options. Raises NC309 when a constant of the model is not finite."""

    name = "fold-constants"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        found = Collector()
        for node in graph.nodes:
            if node.constant is not None and not np.all(np.isfinite(node.constant)):
                found.error("NC309", "constants must be finite, not NaN or infinite", where=Where(node=node.origin))
        found.raise_if_any()
        return rewrite(graph, _visit)


def _visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
    values = [build.nodes[o].constant for o in operands]
    if not operands or node.type.element != F32 or any(v is None or v.dtype.kind != "f" for v in values):
        return keep(build, node, operands)
    return build.constant(node.op.evaluate(*(v[None] for v in values if v is not None))[0])
