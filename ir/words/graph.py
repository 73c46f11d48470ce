"""The WordGraph itself: arrays, one entry a node, in topological order, operands in CSR form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from nc.ir.stream import TensorPort
from nc.ir.words.kinds import Kind

IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class WordPort:
    """A tensor of nodes: `nodes` holds ids in row-major order of `shape`. `signed`/`bits` fix the port's elements."""

    name: str
    shape: tuple[int, ...]
    nodes: IntArray
    bits: int
    signed: bool

    @property
    def tensor(self) -> TensorPort:
        return TensorPort(self.name, self.shape, self.bits, self.signed)


@dataclass(frozen=True, eq=False)
class WordGraph:
    """Scalar integer data flow. All arrays are read-only by convention; passes build new graphs.

    `kind`, `lo`, `hi`, `p0`, `p1`, `layer`: (n,); the value of node i always lies in [lo[i], hi[i]].
    `start`: (n + 1,) offsets into `src`, `shift`, `neg` (one entry an operand; shift and sign only matter to SUM).
    `layers`: names that `layer` indexes, in order of data flow. `tables`: shared constant tables.
    `inputs`, `outputs`: ports; `probes`: tensors worth watching, keyed by layer name.
    """

    kind: np.ndarray[Any, np.dtype[np.uint8]]
    lo: IntArray
    hi: IntArray
    p0: IntArray
    p1: IntArray
    layer: np.ndarray[Any, np.dtype[np.int32]]
    start: IntArray
    src: np.ndarray[Any, np.dtype[np.int32]]
    shift: np.ndarray[Any, np.dtype[np.int8]]
    neg: BoolArray
    layers: tuple[str, ...]
    tables: tuple[IntArray, ...]
    inputs: tuple[WordPort, ...]
    outputs: tuple[WordPort, ...]
    probes: Mapping[str, WordPort] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def arity(self) -> IntArray:
        return np.diff(self.start)

    @cached_property
    def bits(self) -> IntArray:
        """Width of each node in bits; at least 1. Two's complement where `signed`."""
        return bit_width(self.lo, self.hi)

    @cached_property
    def signed(self) -> BoolArray:
        return self.lo < 0

    @cached_property
    def owner(self) -> IntArray:
        """The node that each operand entry belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.arity)

    @cached_property
    def fanout(self) -> IntArray:
        """How many operand entries and output elements read each node."""
        count = np.bincount(self.src, minlength=len(self))
        for port in self.outputs:
            count += np.bincount(port.nodes, minlength=len(self))
        return count

    @cached_property
    def level(self) -> IntArray:
        """Longest distance from a source in operations; registers count as operations."""
        return levelise(self.start, self.src)

    def operands(self, node: int) -> slice:
        """The operand entries of a node, to index `src`, `shift` and `neg`."""
        return slice(int(self.start[node]), int(self.start[node + 1]))

    def live(self) -> BoolArray:
        """Which nodes an output depends on; inputs always count."""
        alive = np.zeros(len(self), bool)
        for port in (*self.outputs, *self.inputs):
            alive[port.nodes] = True
        for node in range(len(self) - 1, -1, -1):
            if alive[node]:
                alive[self.src[self.start[node] : self.start[node + 1]]] = True
        return alive

    def count(self, kind: Kind) -> int:
        return int(np.count_nonzero(self.kind == kind))

    @cached_property
    def concatenation(self) -> BoolArray:
        """Sums whose operands share no bit: wires, not adders."""
        plain = np.ones(len(self), bool)
        np.logical_and.at(plain, self.owner, ~self.neg & ~self.signed[self.src])
        found = (self.kind == Kind.SUM) & (self.arity > 1) & (self.p0 == 0) & plain
        for node in np.flatnonzero(found).tolist():
            entries = self.operands(node)
            begin = self.shift[entries].astype(np.int64)
            end = begin + self.bits[self.src[entries]]
            order = np.argsort(begin, kind="stable")
            found[node] = bool((end[order][:-1] <= begin[order][1:]).all())
        result: BoolArray = found
        return result

    @cached_property
    def adders(self) -> int:
        """Two-operand additions: a sum of k terms (its constant is one) counts k - 1."""
        sums = (self.kind == Kind.SUM) & ~self.concatenation
        return int((self.arity[sums] - 1 + (self.p0[sums] != 0)).sum())

    def with_probes(self, probes: Mapping[str, WordPort]) -> WordGraph:
        return replace(self, probes=dict(probes))


def bit_width(lo: IntArray, hi: IntArray) -> IntArray:
    """Least width that holds [lo, hi]: unsigned if lo >= 0, two's complement otherwise; at least 1.

    >>> bit_width(np.array([0, -1, -8, 0]), np.array([15, 0, 7, 0])).tolist()
    [4, 1, 4, 1]
    """
    magnitude = np.maximum(np.asarray(hi, np.int64), ~np.asarray(lo, np.int64))
    # frexp is exact only below 2**53: correct the rare rounding up beyond it.
    width = np.frexp(np.maximum(magnitude, 0).astype(np.float64))[1].astype(np.int64)
    width -= (width > 53) & ((magnitude >> np.maximum(width - 1, 0)) == 0)
    result: IntArray = np.maximum(width + (np.asarray(lo) < 0), 1)
    return result


def levelise(start: IntArray, src: np.ndarray[Any, Any]) -> IntArray:
    """Longest path from a source, by rounds over the frontier: linear work, one numpy step a level."""
    count = len(start) - 1
    waiting = np.diff(start)
    level = np.zeros(count, np.int64)
    readers = np.repeat(np.arange(count), waiting)
    order = np.argsort(src, kind="stable")
    readers = readers[order]
    first = np.searchsorted(src[order], np.arange(count + 1))
    waiting = waiting.copy()
    frontier = np.flatnonzero(waiting == 0)
    depth = 0
    while len(frontier):
        level[frontier] = depth
        lengths = first[frontier + 1] - first[frontier]
        offsets = np.repeat(first[frontier] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        reached = readers[offsets + np.arange(len(offsets))]
        np.subtract.at(waiting, reached, 1)
        frontier = np.unique(reached[waiting[reached] == 0])
        depth += 1
    return level
