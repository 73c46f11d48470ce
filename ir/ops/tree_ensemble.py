"""tree_ensemble: the sum of the leaves that a sample reaches in each of several decision trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand
from nc.ir.types import F32, TensorType


@dataclass(frozen=True, eq=False)
class TreeEnsemble(Op):
    """step * (base + sum over trees of leaves[leaf reached]), for samples (features,): (targets,).

    Node i goes to `below[i]` where x[features[i]] <= thresholds[i], else to `above[i]`; numbers from `nodes` (the
    number of nodes) on are leaves, and a node comes before those that it leads to. `roots`: where each tree begins.
    `leaves` (leaves, targets) and `base` (targets,) are whole numbers once they are rounded to the grid `step`.
    `single`: features are rounded to float32 before they are compared, as ONNX runtimes hold them.
    """

    features: Array
    thresholds: Array
    below: Array
    above: Array
    roots: Array
    leaves: Array
    base: Array
    step: float = 1.0
    single: bool = True

    name = "tree_ensemble"

    @property
    def nodes(self) -> int:
        return len(self.features)

    def infer_type(self, *operands: Operand) -> TensorType:
        kind = operands[0].type
        if kind.is_int or kind.rank != 1:
            fail("NC205", f"tree_ensemble must read a vector of real features, not {kind}")
        own, ends = np.arange(self.nodes), self.nodes + len(self.leaves)
        children = np.concatenate([self.below, self.above, self.roots])
        ordered = np.all(self.below > own) and np.all(self.above > own)
        inside = not children.size or 0 <= children.min() <= children.max() < ends
        if not ordered or not inside or self.base.shape != self.leaves.shape[1:]:
            fail("NC205", "nodes of tree_ensemble must lead to later nodes or to leaves")
        if self.features.size and not 0 <= self.features.min() <= self.features.max() < kind.shape[0]:
            fail("NC205", f"features of tree_ensemble must lie in 0..{kind.shape[0] - 1}, not {self.features.max()}")
        return TensorType(self.base.shape, F32)

    def evaluate(self, *operands: Array) -> Array:
        with np.errstate(over="ignore"):
            x = operands[0].astype(np.float32).astype(np.float64) if self.single else operands[0]
        at = np.broadcast_to(self.roots, (len(x), len(self.roots))).copy()
        while (inner := at < self.nodes).any():
            node = np.where(inner, at, 0)
            low = np.take_along_axis(x, self.features[node], axis=1) <= self.thresholds[node]
            at = np.where(inner, np.where(low, self.below[node], self.above[node]), at)
        total: Array = self.step * (self.leaves[at - self.nodes].sum(axis=1) + self.base)
        return total.astype(operands[0].dtype)
