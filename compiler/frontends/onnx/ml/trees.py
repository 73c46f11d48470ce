"""Tree ensembles: TreeEnsembleClassifier and TreeEnsembleRegressor of ONNX-ML.

Every comparison becomes x <= t: features are float32, so x < t is x <= the number before t, and x == t is two of
them. Which label wins is ONNX Runtime's rule, since the standard leaves it open for two classes with one weight;
forms of two classes that the runtimes read differently are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from onnx import TensorProto, numpy_helper

from nc.compiler.frontends.onnx.ml import decide
from nc.compiler.frontends.onnx.ml.linear import features
from nc.compiler.frontends.onnx.ml.transforms import of_two, transformed
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import ML
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import NcError, fail
from nc.ir.ops.base import Array, frozen
from nc.ir.ops.pick import Pick
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.tree_ensemble import TreeEnsemble

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
HELP = "it is damaged, or made by hand; export it again"


@dataclass
class _Nodes:
    """Comparisons in the order in which trees visit them; numbers below 0 are leaves, -1 - index."""

    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)

    def add(self, feature: int, threshold: float) -> int:
        self.features.append(feature)
        self.thresholds.append(threshold)
        self.children.append([0, 0])
        return len(self.features) - 1


@dataclass(frozen=True)
class _Table:
    """The rows of a model's nodes: by row, whatever the attributes call them."""

    features: Sequence[int]
    thresholds: Array
    modes: Sequence[str]
    yes: Sequence[int]
    no: Sequence[int]
    single: bool

    def compare(self, made: _Nodes, row: int, mode: str) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
        """Add the comparisons of one row: (the first, the places where 'true' goes on, those where 'false' does)."""
        t, feature = float(self.thresholds[row]), self.features[row]
        before = float(np.nextafter(np.float32(t), np.float32(-np.inf)) if self.single else np.nextafter(t, -np.inf))
        if mode in ("BRANCH_EQ", "BRANCH_NEQ"):
            first = made.add(feature, t)
            second = made.add(feature, before)
            made.children[first][0] = second
            same, other = [(second, 1)], [(first, 1), (second, 0)]
            return (first, same, other) if mode == "BRANCH_EQ" else (first, other, same)
        node = made.add(feature, before if mode in ("BRANCH_LT", "BRANCH_GTE") else t)
        low, high = [(node, 0)], [(node, 1)]
        return (node, low, high) if mode in ("BRANCH_LEQ", "BRANCH_LT") else (node, high, low)

    def grow(self, made: _Nodes, root: int, leaves: dict[int, int]) -> int:
        """Add a tree; `leaves`: number of the leaf of each row that is one. Returns where it begins."""
        begin, seen = -1, 0
        stack: list[tuple[int, tuple[int, int] | None]] = [(root, None)]
        while stack:
            row, place = stack.pop()
            seen += 1
            if seen > 4 * len(self.features) + 4:
                fail("NC101", "nodes of a tree must not lead back to themselves", help=HELP)
            if row in leaves:
                number = -1 - leaves[row]
            else:
                number, yes, no = self.compare(made, row, self.modes[row])
                stack += [(self.no[row], p) for p in no] + [(self.yes[row], p) for p in yes]
            if place is None:
                begin = number
            else:
                made.children[place[0]][place[1]] = number
        return begin


def _ensemble(table: _Table, roots: Sequence[int], leaves: dict[int, int], values: Array, base: Array) -> TreeEnsemble:
    made = _Nodes()
    starts = [table.grow(made, root, leaves) for root in roots]
    count = len(made.features)

    def numbers(items: Sequence[int]) -> Array:
        found = np.array(items, np.int64).reshape(-1)
        return frozen(np.where(found < 0, count - 1 - found, found))

    return TreeEnsemble(
        frozen(made.features, np.int64), frozen(made.thresholds, np.float64),
        numbers([c[0] for c in made.children]), numbers([c[1] for c in made.children]), numbers(starts),
        frozen(values, np.float64), frozen(base, np.float64), single=table.single,
    )  # fmt: skip


def _guarded(node: Node, build: Callable[[], TreeEnsemble]) -> TreeEnsemble:
    """What `build` makes of the attributes; NC101 when they contradict each other."""
    try:
        return build()
    except NcError:
        raise
    except (KeyError, IndexError, ValueError, TypeError):
        fail("NC101", f"the attributes of '{node.op}' must be complete and of matching lengths, but are not", help=HELP)


def _floats(node: Node, name: str) -> Array:
    """A list of numbers, given as floats or as a tensor (of doubles)."""
    tensor = node.attributes.get(f"{name}_as_tensor")
    if tensor is not None and tensor.dims:
        return np.asarray(numpy_helper.to_array(tensor), np.float64)
    return np.array(node.attributes.get(name) or (), np.float64)


def _check(node: Node, modes: Sequence[str], aggregate: str) -> None:
    if aggregate not in ("SUM", "AVERAGE"):
        node.refuse(f"trees of {node.op} must be added or averaged, not {aggregate}")
    if wrong := sorted(set(modes) - {"LEAF", *MODES}):
        node.refuse(f"tree nodes must compare by {', '.join(MODES)}, not {wrong[0]}",
                    "number the categories, or one-hot encode them, before training")  # fmt: skip


def _classic(node: Node, kind: str, targets: int) -> TreeEnsemble:
    """The ensemble of the attributes that TreeEnsembleClassifier ('class') and ~Regressor ('target') share."""
    a = node.attributes
    modes = a["nodes_modes"]
    _check(node, modes, a.get("aggregate_function") or "SUM")
    keys = list(zip(a["nodes_treeids"], a["nodes_nodeids"], strict=True))
    rows = {key: row for row, key in enumerate(keys)}
    single = node[0].dtype != TensorProto.DOUBLE
    thresholds = _floats(node, "nodes_values")
    if single:
        thresholds = thresholds.astype(np.float32).astype(np.float64)
    inner = [row for row, mode in enumerate(modes) if mode != "LEAF"]
    yes, no = ([-1] * len(keys) for _ in range(2))
    for row in inner:
        tree = keys[row][0]
        yes[row], no[row] = (rows[tree, a[f"nodes_{side}nodeids"][row]] for side in ("true", "false"))
    leaves = {row: n for n, row in enumerate(r for r, mode in enumerate(modes) if mode == "LEAF")}
    values = np.zeros((len(leaves), targets))
    weights = _floats(node, f"{kind}_weights")
    for tree, number, target, weight in zip(
        a[f"{kind}_treeids"], a[f"{kind}_nodeids"], a[f"{kind}_ids"], weights, strict=True
    ):
        if not 0 <= target < targets:
            raise ValueError(target)
        values[leaves[rows[tree, number]], target] += weight
    roots: dict[int, int] = {}
    led = {row for r in inner for row in (yes[r], no[r])}
    for row, (tree, _) in enumerate(keys):
        if row not in led:
            roots.setdefault(tree, row)
    if len(roots) != len(set(a["nodes_treeids"])):
        fail("NC101", "nodes of a tree must not lead back to themselves", help=HELP)
    if a.get("aggregate_function") == "AVERAGE":
        values = values / len(roots)
    base = _floats(node, "base_values")
    if base.size not in (0, targets) and not (kind == "class" and targets == 2):  # of two classes: see _two
        fail("NC109", f"{node.op} must have a base value for each of {targets} {kind}s, not {len(base)}")
    base = base if len(base) == targets else np.zeros(targets)
    table = _Table(a["nodes_featureids"], thresholds, modes, yes, no, single)
    return _ensemble(table, list(roots.values()), leaves, values, base)


@translates("TreeEnsembleRegressor", domain=ML)
def regressor(node: Node) -> Tensor:
    targets = node.attributes["n_targets"] or 1
    op = _guarded(node, lambda: _classic(node, "target", targets))
    return transformed(node, node.emit(op, features(node), dtype=TensorProto.FLOAT))


@translates("TreeEnsembleClassifier", domain=ML)
def classifier(node: Node) -> tuple[Tensor, Tensor]:
    entries = decide.labels(node)
    x, ids = features(node), set(node.attributes["class_ids"] or ())
    base = _floats(node, "base_values")
    if len(entries) == 2:
        return _two(node, x, entries, ids, base)
    op = _guarded(node, lambda: _classic(node, "class", len(entries)))
    scores = node.emit(op, x, dtype=TensorProto.FLOAT)
    shown = transformed(node, scores)
    if len(op.roots) == 1:
        chosen = (op.leaves + op.base).argmax(axis=1).astype(np.float64)[:, None]
        return _label(node, _replaced(op, chosen), x, entries), shown
    return decide.largest(node, scores, entries), shown


def _two(node: Node, x: Tensor, entries: Array, ids: set[int], base: Array) -> tuple[Tensor, Tensor]:
    """Two classes with one weight a leaf: the second above 0, or above .5 where no weight is negative."""
    if len(ids) != 1 or base.size and (len(base) != 1 or ids != {0}):
        node.refuse(
            f"{node.op} of two classes must have leaves with one weight, of one class, and no base value or, for class "
            f"0, one; runtimes differ on classes {sorted(ids)} with {len(base)} base values",
            "export the model again with a current skl2onnx or onnxmltools, which write one weight a leaf",
        )
    (used,) = ids
    op = _guarded(node, lambda: _classic(node, "class", 2))
    weights = _floats(node, "class_weights")
    bound = 0.5 if weights.size and weights.min() >= 0 else 0.0
    start = base[-1:] if base.size else np.zeros(1)
    one = _only(op, used, start - bound)
    raw = node.emit(_only(op, used, start), x, dtype=TensorProto.FLOAT)
    shown = of_two(node, raw, probability=bound > 0)
    if len(op.roots) == 1:
        chosen = (one.leaves + one.base > 0).astype(np.float64)
        return _label(node, _replaced(one, chosen), x, entries), shown
    score = node.emit(one, x, dtype=TensorProto.FLOAT)
    return decide.above(node, score, 0.0, entries), shown


def _label(node: Node, op: TreeEnsemble, x: Tensor, entries: Array) -> Tensor:
    """The leaves of one tree know their class: nothing is to be rounded or compared."""
    index = node.emit(op, x, dtype=TensorProto.FLOAT)
    return node.emit(Reshape(()), node.emit(Pick(frozen(entries)), index, dtype=TensorProto.INT64))


def _only(op: TreeEnsemble, target: int, base: Array) -> TreeEnsemble:
    return _replaced(op, op.leaves[:, [target]], base)


def _replaced(op: TreeEnsemble, leaves: Array, base: Array | None = None) -> TreeEnsemble:
    return replace(op, leaves=frozen(leaves), base=frozen(np.zeros(leaves.shape[1]) if base is None else base))
