"""The published baseline under the same rules: a tree of ripple-carry adders in post-order, one cell a cycle.

TULIP (Wagle, Khatri, Vrudhula, ICCD 2020) evaluates a node as an adder tree in reverse post-order on pairs of
neurons: three inputs a leaf, then ripple-carry additions, then a bit-serial compare with T.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.backends.threshold.allocate import NONE, operand_of_addend, operand_of_product, place
from nc.backends.threshold.node import Node
from nc.backends.threshold.program import Program
from nc.hdl.threshold.shape import PeShape

Array = np.ndarray[Any, Any]


class _Tree:
    """Cells in post-order; a word is a list of value ids, least significant first."""

    def __init__(self) -> None:
        self.operands: list[tuple[int, int, int]] = []
        self.with_sum: list[bool] = []

    def cell(self, a: int, b: int, c: int, with_sum: bool = True) -> tuple[int, int]:
        self.operands.append((a, b, c))
        self.with_sum.append(with_sum)
        index = len(self.operands) - 1
        return 2 * index, 2 * index + 1

    def add(self, x: list[int], y: list[int]) -> list[int]:
        """Ripple-carry addition of two words."""
        total: list[int] = []
        carry = NONE
        for i in range(max(len(x), len(y))):
            a = x[i] if i < len(x) else NONE
            b = y[i] if i < len(y) else NONE
            known = [v for v in (a, b, carry) if v != NONE]
            if len(known) == 1:
                total.append(known[0])
                carry = NONE
                continue
            known += [NONE] * (3 - len(known))
            carry, bit = self.cell(known[0], known[1], known[2])
            total.append(bit)
        return total if carry == NONE else [*total, carry]

    def count(self, first: int, last: int) -> list[int]:
        """Popcount of the products first .. last - 1, split into halves of whole leaves."""
        if last - first == 1:
            return [operand_of_product(first)]
        if last - first <= 3:
            leaf = [operand_of_product(p) for p in range(first, last)] + [NONE]
            carry, bit = self.cell(leaf[0], leaf[1], leaf[2])
            return [bit, carry]
        leaves = -(-(last - first) // 3)
        half = 1
        while 2 * half < leaves:
            half *= 2
        middle = first + 3 * half
        return self.add(self.count(first, middle), self.count(middle, last))

    def compare(self, word: list[int], columns: int) -> None:
        """[word + C >= 2^K], bit-serial with the addend streamed."""
        carry = NONE
        for j in range(columns):
            known = [v for v in (word[j] if j < len(word) else NONE, carry) if v != NONE] + [NONE, NONE]
            carry, _ = self.cell(known[0], operand_of_addend(j), known[1], with_sum=False)


LOOKAHEAD = 32
"""Cells among which the next one ready is issued: a leaf of the next addition fills the wait for a sum."""


def _issued(tree: _Tree) -> tuple[list[int], Array]:
    """Cells in the order of their cycles (indices of the tree), and those cycles: one cell a cycle, the first in
    post-order whose operands are ready."""
    cycle = np.full(len(tree.operands), -1, np.int64)
    order: list[int] = []
    waiting = list(range(min(LOOKAHEAD, len(tree.operands))))
    t = 0
    while waiting:
        for c in waiting:
            made = [(int(cycle[v // 2]), v % 2) for v in tree.operands[c] if v >= 0]
            if all(0 <= at < t - is_sum for at, is_sum in made):
                cycle[c] = t
                order.append(c)
                waiting.remove(c)
                if len(order) + len(waiting) < len(tree.operands):
                    waiting.append(len(order) + len(waiting))
                break
        t += 1
    return order, cycle[order]


def ripple_program(node: Node, shape: PeShape) -> Program | None:
    """The baseline's program (one cell a cycle), or None when it does not fit the registers."""
    tree = _Tree()
    tree.compare(tree.count(0, node.fan_in), node.columns)
    order, cycle = _issued(tree)
    place_of = {c: k for k, c in enumerate(order)}
    operands = np.array(
        [[2 * place_of[v // 2] + v % 2 if v >= 0 else v for v in tree.operands[c]] for c in order], np.int64
    )
    emitted = np.zeros(2 * len(order), np.bool_)
    emitted[2 * (len(order) - 1)] = True
    return place(node, shape, True, cycle, np.array(tree.with_sum)[order], operands, emitted)
