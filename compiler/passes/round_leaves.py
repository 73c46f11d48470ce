"""round-leaves: leaves of tree ensembles become whole multiples of one step.

Rounding errors of T trees add up as sqrt(T), so a leaf has log2(T) / 2 bits more than a weight: the sum is then as
exact as one weight. The step divides the largest leaf evenly, not a power of two: the leaves of a forest are often all
or nothing, and what is a tie of its votes stays one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.base import frozen
from nc.ir.ops.tree_ensemble import TreeEnsemble

SMALL = 1 << 16
"""Whole leaves up to here (class indices, votes) are exact as they are."""


@dataclass(frozen=True)
class RoundLeaves:
    """`bits`: of the leaves of a single tree."""

    bits: int

    name = "round-leaves"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        if not any(isinstance(n.op, TreeEnsemble) for n in graph.nodes):
            return graph

        def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
            if isinstance(node.op, TreeEnsemble):
                return build.add(rounded(node.op, self.bits), *operands)
            return keep(build, node, operands)

        return rewrite(graph, visit)


def rounded(op: TreeEnsemble, bits: int) -> TreeEnsemble:
    """The ensemble on a grid of `bits` + log2(trees) / 2 bits; itself where its leaves are small whole numbers."""
    both = np.concatenate([op.leaves.ravel(), op.base])
    if op.step != 1.0 or np.array_equal(both, np.rint(both)) and np.abs(both).max(initial=0) < SMALL:
        return op
    leaves, base = _from_least(op)
    largest = float(np.abs(leaves).max(initial=0)) or float(np.abs(base).max(initial=0)) or 1.0
    step = largest / 2 ** (bits + math.ceil(math.log2(max(len(op.roots), 1)) / 2))
    return replace(op, leaves=frozen(np.rint(leaves / step)), base=frozen(np.rint(base / step)), step=step)


def _from_least(op: TreeEnsemble) -> tuple[np.ndarray, np.ndarray]:
    """Leaves less the smallest of their tree where none is negative: trees of a regression span little."""
    if op.leaves.size and op.leaves.min() >= 0 and op.leaves.shape[1] == 1:
        leaves, base = op.leaves.copy(), op.base.copy()
        for members in trees(op):
            least = leaves[members].min(axis=0)
            leaves[members] -= least
            base += least
        return leaves, base
    return op.leaves, op.base


def trees(op: TreeEnsemble) -> list[np.ndarray]:
    """The leaves of each tree, by number. A leaf belongs to one tree."""
    owner = np.full(op.nodes + len(op.leaves), -1)
    owner[op.roots] = np.arange(len(op.roots))
    for node in range(op.nodes):
        owner[[op.below[node], op.above[node]]] = owner[node]
    return [np.flatnonzero(owner[op.nodes :] == tree) for tree in range(len(op.roots))]
