"""Adder graphs for constant matrix-vector products: y = x W + bias as shared shift-adds.

The weights' canonical signed digits are searched greedily for two-term common sub-expressions (Hartley 1996,
Potkonjak et al. 1996), the most frequent first. Two things keep it fast and good:

* Thresholds fall in steps. A pass takes only patterns seen at least `least` times, so its tables stay small and
  cached; recounting between passes costs little since most digits have gone.
* The first steps run on blocks of rows. Frequent patterns abound within a block, and pairs of digits, which are
  what the work is proportional to, grow with the square of a block's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nc.ir.diagnostics import ToolMissing, fail
from nc.ir.words.builder import Term, WordBuilder
from nc.ir.words.graph import IntArray

Array = np.ndarray[Any, Any]
UNLIMITED = 1 << 60


@dataclass(frozen=True)
class MatvecOptions:
    """How hard to look for shared terms.

    `effort`: 0 shares nothing, 1 is one run, 2 and 3 keep the best of several (8, 32). `max_depth`: levels of
    two-operand adders from inputs to outputs, None for any; it is raised to what a column needs by itself.
    `least`: fewest uses that justify an adder of its own. `by_width`: prefer patterns that overlap in many bits.
    `count_tables`: layers of single bits and weights +-1 count groups of five bits in tables that their neurons
    share, and add those, instead of one popcount a neuron. `affine_ranges`: the exact range of a sum as a linear form
    of the product's inputs, not what its operands' ranges add up to. `fold_thresholds`: offsets and scales move from a
    word into the threshold it is compared with. `small_tables`: staircases of at most six bits become tables.
    `pack_bits`: LUTs a bit that one more operand of a sum takes; where not 0, products of single bits become tables of
    six where those are smaller (`nc.compiler.words.packing`).
    `argmax_differences`: arg-max of products by what the classes differ in (`nc.compiler.words.decisions`).
    """

    effort: int = 1
    max_depth: int | None = None
    least: int = 2
    by_width: bool = False
    block: int = 32
    count_tables: bool = False
    affine_ranges: bool = True
    fold_thresholds: bool = True
    small_tables: bool = True
    pack_bits: float = 0.0
    argmax_differences: bool = False


DEFAULTS = MatvecOptions()


@dataclass(frozen=True, eq=False)
class AdderProgram:
    """A straight line of two-operand additions, then one multi-operand sum a column.

    Node ids: 0..inputs - 1 are the inputs; op k makes node inputs + k = (a << max(0, -d)) +- (b << max(0, d)), where
    `ops` holds (a, b, d, negative). Column j sums the digits (`col_node`, `col_shift`, `col_neg`) of
    `col_start[j]:col_start[j + 1]`.
    """

    inputs: int
    ops: IntArray
    col_start: IntArray
    col_node: IntArray
    col_shift: IntArray
    col_neg: Array

    @property
    def columns(self) -> int:
        return len(self.col_start) - 1

    @property
    def adders(self) -> int:
        """Two-operand additions in all, biases not counted."""
        lengths = np.diff(self.col_start)
        return len(self.ops) + int(np.maximum(lengths - 1, 0).sum())

    @cached_property
    def coefficients(self) -> IntArray:
        """(inputs + ops, inputs): what each node is as a linear form of the inputs."""
        rows = np.zeros((self.inputs + len(self.ops), self.inputs), np.int64)
        np.fill_diagonal(rows, 1)
        for k, (a, b, d, r) in enumerate(self.ops.tolist(), start=self.inputs):
            left, right = rows[a] << max(0, -d), rows[b] << max(0, d)
            rows[k] = left - right if r else left + right
        return rows

    def matrix(self) -> IntArray:
        """The matrix (inputs, columns) that the program computes: its proof."""
        weights = np.where(self.col_neg, -1, 1) << self.col_shift
        product = np.zeros((self.columns, self.inputs), np.int64)
        column = np.repeat(np.arange(self.columns), np.diff(self.col_start))
        np.add.at(product, column, self.coefficients[self.col_node] * weights[:, None])
        return product.T

    def apply(
        self, builder: WordBuilder, nodes: Sequence[int], bias: Sequence[int] | None = None, *, affine: bool = True
    ) -> list[int]:
        """Build it over existing nodes; with `affine`, ranges are exact for independent inputs."""
        bounds = np.array([builder.range(int(n)) for n in nodes], dtype=object).reshape(-1, 2)
        low, high = _affine(self.coefficients, bounds)
        ids = [int(n) for n in nodes]
        for k, (a, b, d, r) in enumerate(self.ops.tolist()):
            terms = (Term(ids[a], max(0, -d)), Term(ids[b], max(0, d), bool(r)))
            at = self.inputs + k
            ids.append(builder.sum(terms, within=(int(low[at]), int(high[at])) if affine else None))
        offsets = [0] * self.columns if bias is None else [int(v) for v in bias]
        low, high = _affine(self.matrix().T, bounds)
        outputs = []
        node, shift, neg = self.col_node.tolist(), self.col_shift.tolist(), self.col_neg.tolist()
        for j, offset in enumerate(offsets):
            span = range(int(self.col_start[j]), int(self.col_start[j + 1]))
            terms_j = [Term(ids[node[e]], shift[e], neg[e]) for e in span]
            within = (int(low[j]) + offset, int(high[j]) + offset) if affine else None
            outputs.append(builder.sum(terms_j, offset, within=within))
        return outputs


def _affine(coefficients: IntArray, bounds: Array) -> tuple[Array, Array]:
    """Exact bounds of linear forms over independent intervals; int64 when nothing can overflow."""
    reach = int(np.abs(coefficients).sum(axis=1).max(initial=0)) * max((abs(int(v)) for v in bounds.ravel()), default=0)
    kind: Any = np.int64 if reach < 1 << 62 else object
    low, high = bounds[:, 0].astype(kind), bounds[:, 1].astype(kind)
    positive, negative = np.maximum(coefficients, 0).astype(kind), np.minimum(coefficients, 0).astype(kind)
    return positive @ low + negative @ high, positive @ high + negative @ low


def csd_masks(weights: IntArray) -> tuple[IntArray, IntArray]:
    """Canonical signed digits as bit masks (positive, negative), elementwise: 3w XOR w marks the digits."""
    magnitude = np.abs(np.asarray(weights, np.int64))
    triple = 3 * magnitude
    plus, minus = (triple & ~magnitude) >> 1, (magnitude & ~triple) >> 1
    return np.where(weights < 0, minus, plus), np.where(weights < 0, plus, minus)


def matvec(
    weights: IntArray,
    low: IntArray | None = None,
    high: IntArray | None = None,
    options: MatvecOptions = DEFAULTS,
) -> AdderProgram:
    """The adder graph of x (inputs,) times `weights` (inputs, columns).

    `low`, `high`: the inputs' ranges, which weigh adders by width. Raises NC606 for weights beyond 30 bits and
    ToolMissing without numba when effort > 0.
    """
    weights = np.asarray(weights, np.int64)
    if weights.size and np.abs(weights).max() >= 1 << 29:
        fail("NC606", f"weights must be below 2**29 in magnitude, not {np.abs(weights).max()}")
    low = np.zeros(len(weights), np.int64) if low is None else np.asarray(low, np.int64)
    high = np.full(len(weights), 255, np.int64) if high is None else np.asarray(high, np.int64)
    if options.effort == 0 or not weights.any():
        return _finish(len(weights), weights.shape[1], [], *_entries(weights))
    runs = {1: 1, 2: 8, 3: 32}[options.effort]
    programs = (_search(weights, low, high, options, seed) for seed in range(runs))
    return min(programs, key=lambda program: program.adders)


def _entries(weights: IntArray, first: int = 0) -> tuple[Array, Array, IntArray, IntArray]:
    row, column = np.nonzero(weights)
    plus, minus = csd_masks(weights[row, column])
    return (row + first).astype(np.int32), column.astype(np.int32), plus, minus


class _State:
    """Nodes and remaining digits as the passes go along."""

    def __init__(self, low: IntArray, high: IntArray, slack: IntArray, entries: tuple[Array, ...]) -> None:
        self.low, self.high, self.depth = low, high, np.zeros(len(low), np.int64)
        self.slack, self.entries = slack, entries
        self.ops: list[IntArray] = []

    def extract(self, least: int, options: MatvecOptions, seed: int) -> None:
        from nc.compiler.words.cse_kernel import extract

        ops, node, col, pos, neg, self.low, self.high, self.depth, self.slack, used = extract(
            len(self.low), len(self.slack), *self.entries, self.low, self.high, self.depth, self.slack,
            int(options.by_width), least, seed,
        )  # fmt: skip
        kept = np.flatnonzero((pos[:used] | neg[:used]) != 0)
        self.entries = (node[kept], col[kept], pos[kept], neg[kept])
        self.ops.append(ops)


def _search(weights: IntArray, low: IntArray, high: IntArray, options: MatvecOptions, seed: int) -> AdderProgram:
    try:
        import numba  # noqa: F401
    except ImportError:
        fail("NC607", "the adder-graph optimiser needs numba", help="pip install numba, or set optimise.effort=0",
             kind=ToolMissing)  # fmt: skip
    rows, columns = weights.shape
    slack = _slack(weights, options.max_depth)
    thresholds = _thresholds(weights)
    early = [t for t in thresholds if t >= 8 and t >= options.least] if rows > options.block else []
    late = [t for t in thresholds if t not in early and t > options.least] + [options.least]
    if not early:
        state = _State(low, high, slack, _entries(weights))
        ops: list[IntArray] = state.ops
    else:
        parts = []
        for first in range(0, rows, options.block):
            part = slice(first, min(first + options.block, rows))
            block = _State(low[part], high[part], slack, _entries(weights[part]))
            for least in early:
                block.extract(least, options, seed)
            slack = block.slack
            parts.append((first, block))
        state, ops = _merge(parts, low, high, slack)
    for least in late:
        state.extract(least, options, seed)
    return _finish(rows, columns, [*ops, *state.ops] if early else state.ops, *state.entries)


def _merge(
    parts: list[tuple[int, _State]], low: IntArray, high: IntArray, slack: IntArray
) -> tuple[_State, list[IntArray]]:
    """Join blocks of rows: renumber each block's nodes behind all inputs."""
    rows = total = len(low)
    lows, highs, depths = [low], [high], [np.zeros(rows, np.int64)]
    entries, merged = [], []
    for first, block in parts:
        ops = np.concatenate(block.ops)
        own = len(block.low) - len(ops)
        number = np.concatenate((np.arange(own) + first, np.arange(len(ops)) + total))
        ops[:, 0], ops[:, 1] = number[ops[:, 0]], number[ops[:, 1]]
        merged.append(ops)
        total += len(ops)
        lows.append(block.low[own:])
        highs.append(block.high[own:])
        depths.append(block.depth[own:])
        node, *rest = block.entries
        entries.append((number[node].astype(np.int32), *rest))
    joined = [np.concatenate(column) for column in zip(*entries)]
    order = np.lexsort((joined[1], joined[0]))
    state = _State(np.concatenate(lows), np.concatenate(highs), slack, tuple(column[order] for column in joined))
    state.depth = np.concatenate(depths)
    return state, merged


def _slack(weights: IntArray, max_depth: int | None) -> IntArray:
    """How far the Kraft sum of each column's term depths may grow: 2**depth less its digits."""
    if max_depth is None:
        return np.full(weights.shape[1], UNLIMITED, np.int64)
    plus, minus = csd_masks(weights)
    digits = np.bitwise_count(plus | minus).astype(np.int64).sum(axis=0)
    need = np.ceil(np.log2(np.maximum(digits, 1))).astype(np.int64)
    slack: IntArray = (np.int64(1) << np.maximum(need, max_depth)) - digits
    return slack


def _thresholds(weights: IntArray) -> list[int]:
    """Falling numbers of uses, from about the most frequent pattern's down to 2."""
    plus, minus = csd_masks(weights)
    digits = int(np.bitwise_count(plus | minus).sum())
    span = max(1, int(np.abs(weights).max()).bit_length())
    mean = (digits / max(1, weights.shape[0])) ** 2 / max(1, weights.shape[1]) / (2 * span)
    level, found = max(4.0, 1.5 * mean), []
    while level > 2:
        found.append(int(level))
        level = min(level * 0.72, level - 1)
    return [*found, 2] if found[-1:] != [2] else found


def _finish(
    inputs: int, columns: int, ops: list[IntArray], node: Array, col: Array, pos: IntArray, neg: IntArray
) -> AdderProgram:
    """Remaining digits, sorted by column."""
    nodes, cols, shifts, signs = [], [], [], []
    for shift in range(63):
        for negative, mask in ((False, pos), (True, neg)):
            hit = np.flatnonzero((mask >> shift) & 1)
            nodes.append(node[hit].astype(np.int64))
            cols.append(col[hit].astype(np.int64))
            shifts.append(np.full(len(hit), shift, np.int64))
            signs.append(np.full(len(hit), negative))
    column = np.concatenate(cols)
    order = np.lexsort((np.concatenate(shifts), np.concatenate(nodes), column))
    return AdderProgram(
        inputs=inputs,
        ops=np.concatenate(ops) if ops else np.zeros((0, 4), np.int64),
        col_start=np.searchsorted(column[order], np.arange(columns + 1)),
        col_node=np.concatenate(nodes)[order],
        col_shift=np.concatenate(shifts)[order],
        col_neg=np.concatenate(signs)[order],
    )
