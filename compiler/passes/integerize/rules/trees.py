"""Tree ensembles: comparisons of integers with constants, and choices between the leaves behind them.

Features need not be equal in scale: the largest integer q of a feature whose real number still passes "x <= t" is the
integer threshold, found in exact fractions, rounding to float32 included. Choices of all trees are made together,
those nearest to the leaves first.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Number, Whole
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.graph import Value
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array, frozen
from nc.ir.ops.concat import Concat
from nc.ir.ops.greater import Greater
from nc.ir.ops.pick import Pick
from nc.ir.ops.reduce_sum import ReduceSum
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.select import Select
from nc.ir.ops.table import Table
from nc.ir.ops.take import Take
from nc.ir.ops.tree_ensemble import TreeEnsemble


def last_below(threshold: float, single: bool) -> tuple[Fraction, bool]:
    """The real numbers x that pass "x <= threshold" are those below the fraction, and itself where the flag is set.

    With `single`, x is rounded to float32 first (ties to even): all up to half way to the next float32 pass.
    """
    if not single:
        return Fraction(threshold), True
    here = np.float32(threshold)
    after = np.nextafter(here, np.float32(np.inf))
    if not np.isfinite(after):
        return Fraction(float(here)), True
    even = int(here.view(np.uint32)) % 2 == 0
    return (Fraction(float(here)) + Fraction(float(after))) / 2, even


def code_below(threshold: float, single: bool, scale: Fraction, offset: Fraction) -> int:
    """The largest integer q with scale * q + offset <= threshold, scale > 0."""
    edge, inclusive = last_below(threshold, single)
    place = (edge - offset) / scale
    whole = place.numerator // place.denominator
    return whole - 1 if place.denominator == 1 and not inclusive else whole


@rule("tree_ensemble")
def _trees(t: Translation, op: TreeEnsemble, operands: list[Form]) -> Form:
    x = align.rising(t, align.settled(t, need_number(t, operands[0])))
    forest = _Forest(t, op, x)
    total = forest.total()
    scale = Fraction(op.step)
    return Number(total, (scale,), (Fraction(0),))


class _Forest:
    """The comparisons of an ensemble that inputs can decide either way, and what they choose."""

    def __init__(self, t: Translation, op: TreeEnsemble, x: Number) -> None:
        self.t, self.op = t, op
        kind = t.build.type(x.value).int
        wide = x.widened(0, t.build.type(x.value).shape[0])
        keys: dict[tuple[int, int], int] = {}
        self.decided = np.zeros(op.nodes, np.int64)  # -1: always below, 1: always above
        self.bit = np.zeros(op.nodes, np.int64)
        for node, (feature, threshold) in enumerate(zip(op.features.tolist(), op.thresholds.tolist(), strict=True)):
            scale, offset = wide.scale[feature], wide.offset[feature]
            last = code_below(threshold, op.single, scale, offset) if scale else 0
            if not scale:
                edge, inclusive = last_below(threshold, op.single)
                self.decided[node] = -1 if offset < edge or inclusive and offset == edge else 1
            elif last >= kind.hi or last < kind.lo:
                self.decided[node] = -1 if last >= kind.hi else 1
            else:
                self.bit[node] = keys.setdefault((feature, last), len(keys))
        self.above: Value | None = None
        if keys:
            taken = t.build.add(Take(frozen([f for f, _ in keys], np.int64)), x.value)
            self.above = t.build.add(Greater(), taken, t.build.constant(np.array([k for _, k in keys], np.int64)))

    def total(self) -> Value:
        """The sum over the trees, (targets,)."""
        build, targets = self.t.build, len(self.op.base)
        leaves, base = (np.rint(a).astype(np.int64) for a in (self.op.leaves, self.op.base))
        chosen, open_roots, fixed = self._chosen(leaves)
        base = base + fixed
        if not open_roots:
            return build.constant(base)
        total = build.add(Reshape((targets,)), chosen) if len(open_roots) == 1 else None
        if total is None:
            total = build.add(ReduceSum((0,), False), chosen)
        return build.add(Add(), total, build.constant(base)) if np.any(base) else total

    def _resolved(self) -> Array:
        """Of each node and leaf the one that it stands for, without choices that are decided or make no difference."""
        op = self.op
        stands = np.arange(op.nodes + len(op.leaves))
        for node in range(op.nodes - 1, -1, -1):
            low, high = stands[op.below[node]], stands[op.above[node]]
            if self.decided[node]:
                stands[node] = low if self.decided[node] < 0 else high
            elif low == high or self._same(low, high):
                stands[node] = low
        return stands

    def _same(self, a: int, b: int) -> bool:
        count = self.op.nodes
        return min(a, b) >= count and np.array_equal(self.op.leaves[a - count], self.op.leaves[b - count])

    def _chosen(self, leaves: Array) -> tuple[Value, list[int], Array]:
        """What the trees give, (open trees, targets); their roots; the sum of those that are constant."""
        op, build, stands = self.op, self.t.build, self._resolved()
        roots = stands[op.roots].tolist()
        fixed = sum((leaves[r - op.nodes] for r in roots if r >= op.nodes), np.zeros(leaves.shape[1], np.int64))
        open_roots = [r for r in roots if r < op.nodes]
        live, height = self._live(stands, open_roots)
        values: dict[int, tuple[Value, int]] = {}  # (tensor, row) of a node
        used = sorted({c for n in live for c in self._children(stands, n) if c >= op.nodes})
        if used:
            table = build.constant(leaves[[u - op.nodes for u in used]])
            values = {leaf: (table, row) for row, leaf in enumerate(used)}
        for level in range(1, max(height.values(), default=0) + 1):
            nodes = [n for n in live if height[n] == level]
            assert self.above is not None
            bits = build.add(Take(frozen(self.bit[nodes][:, None])), self.above)
            low, high = (self._rows([values[self._children(stands, n)[side]] for n in nodes]) for side in range(2))
            made = build.add(Select(), bits, high, low)
            values.update({n: (made, row) for row, n in enumerate(nodes)})
        return self._rows([values[r] for r in open_roots]) if open_roots else -1, open_roots, fixed

    def _children(self, stands: Array, node: int) -> tuple[int, int]:
        return int(stands[self.op.below[node]]), int(stands[self.op.above[node]])

    def _live(self, stands: Array, roots: list[int]) -> tuple[list[int], dict[int, int]]:
        """The nodes that are reached, and how far each is from its farthest leaf."""
        reached, stack = set(roots), list(roots)
        while stack:
            for child in self._children(stands, stack.pop()):
                if child < self.op.nodes and child not in reached:
                    reached.add(child)
                    stack.append(child)
        live: list[int] = sorted(reached)
        height: dict[int, int] = {}
        for node in reversed(live):
            height[node] = 1 + max(height.get(c, 0) for c in self._children(stands, node))
        return live, height

    def _rows(self, places: list[tuple[Value, int]]) -> Value:
        """Rows of several tensors (rows, targets) as one tensor."""
        build, sources = self.t.build, list(dict.fromkeys(source for source, _ in places))
        starts, total = {}, 0
        for source in sources:
            starts[source] = total
            total += build.type(source).shape[0]
        joined = sources[0] if len(sources) == 1 else build.add(Concat(0), *sources)
        rows = np.array([starts[source] + row for source, row in places])
        targets = len(self.op.base)
        if np.array_equal(rows, np.arange(total)):
            return joined
        return build.add(Take(frozen(rows[:, None] * targets + np.arange(targets))), joined)


@rule("pick")
def _pick(t: Translation, op: Pick, operands: list[Form]) -> Form:
    """A table over the index; nothing where the entries are the indices themselves."""
    number = need_number(t, operands[0])
    kind = t.build.type(number.value).int
    if number.steps or set(number.scale) != {1} or set(number.offset) != {0} or kind.lo < 0:
        return t.refuse("NC304", "the index of pick must be whole numbers from 0 on", "choose by ArgMax")
    entries = np.concatenate([op.entries, np.repeat(op.entries[-1:], max(0, kind.hi + 1 - len(op.entries)))])
    entries = entries[: kind.hi + 1]
    if np.array_equal(entries, np.arange(len(entries))):
        return Whole(number.value)
    shape = t.build.type(number.value).shape
    index = number.value if shape else t.build.add(Reshape((1,)), number.value)
    label = t.build.add(Table(frozen(entries[None]), 0), index)
    return Whole(label if shape else t.build.add(Reshape(()), label))
