"""Approximate arg-max: a tournament whose comparators look at few bits of the sums, found on data.

As in Afentaki et al. (ICCAD 2023): a comparator that reads only some bit positions of its two operands is smaller, and
many of its decisions never depend on the rest. Each comparator has its own mask; a mask of 0 is a constant comparator
(the left player always wins), which drops its right class. The pairing is a permutation of the classes. All of it is
written in ordinary integer operations by `write`, so the approximation is the network's meaning from then on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nc.ir.graph import Builder, Value
from nc.ir.ops.base import frozen
from nc.ir.ops.greater import Greater
from nc.ir.ops.select import Select
from nc.ir.ops.table import Table
from nc.ir.ops.take import Take
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True)
class Tournament:
    """`order`: classes as they enter; `masks`: for each comparator, level by level, left to right, the bits of the
    offset sums (all sums are lifted by `offset` to be non-negative) that it compares. Ties go to the left."""

    order: tuple[int, ...]
    masks: tuple[int, ...]
    offset: int
    bits: int

    @classmethod
    def exact(cls, sums: np.ndarray, order: tuple[int, ...] | None = None) -> Tournament:
        """All bits compared; `sums` (N, C) gives the range (pass the type's bounds as two rows for exactness)."""
        classes = sums.shape[1]
        low, high = int(sums.min()), int(sums.max())
        bits = max(1, (high - low).bit_length())
        full = (1 << bits) - 1
        return cls(order or tuple(range(classes)), (full,) * (classes - 1), -low, bits)

    def decide(self, sums: np.ndarray) -> np.ndarray:
        """The class of each row of `sums` (N, C)."""
        lifted = np.asarray(sums, np.int64) + self.offset
        players = [(lifted[:, c], np.full(len(lifted), c)) for c in self.order]
        masks = iter(self.masks)
        while len(players) > 1:
            winners = []
            for (a, i), (b, j) in zip(players[::2], players[1::2]):
                mask = next(masks)
                right = (b & mask) > (a & mask)
                winners.append((np.where(right, b, a), np.where(right, j, i)))
            players = winners + ([players[-1]] if len(players) % 2 else [])
        return players[0][1]

    @property
    def cost(self) -> int:
        """Compared bits: what pruning makes fewer."""
        return sum(int(m).bit_count() for m in self.masks)


def prune(tournament: Tournament, sums: np.ndarray, y: np.ndarray, errors: int) -> Tournament:
    """Removes compared bits greedily, the best one at a time, while at most `errors` rows of `sums` are wrong.

    `sums` (N, C) and labels `y` (N,) come from the fitting split.
    """
    best = tournament
    while True:
        trials = []
        for place, mask in enumerate(best.masks):
            for bit in range(best.bits):
                if mask >> bit & 1:
                    masks = (*best.masks[:place], mask & ~(1 << bit), *best.masks[place + 1 :])
                    trial = replace(best, masks=masks)
                    trials.append((int((trial.decide(sums) != y).sum()), -bit, trial))
        if not trials:
            return best
        wrong, _, found = min(trials, key=lambda t: t[:2])
        if wrong > errors:
            return best
        best = found


def permute(sums: np.ndarray, y: np.ndarray, errors: int, tries: int, seed: int) -> Tournament:
    """The cheapest pruned tournament over `tries` random pairings (the natural one among them)."""
    rng = np.random.default_rng(seed)
    orders = [tuple(range(sums.shape[1]))]
    orders += [tuple(int(c) for c in rng.permutation(sums.shape[1])) for _ in range(tries - 1)]
    pruned = [prune(Tournament.exact(sums, order), sums, y, errors) for order in orders]
    return min(pruned, key=lambda t: t.cost)


def write(build: Builder, sums: Value, tournament: Tournament, labels: np.ndarray) -> Value:
    """The tournament over `sums` (C,) as operations; the result (1,) is the winner's label."""
    kind = build.type(sums).int
    span = np.arange(kind.lo, kind.hi + 1)
    players: list[tuple[Value, Value]] = []
    for c in tournament.order:
        label = int(labels[c])
        index = build.constant(np.array([label]), TensorType((1,), IntType(label, label)))
        players.append((build.add(Take(frozen(np.array([c]))), sums), index))
    masks = iter(tournament.masks)
    while len(players) > 1:
        winners = []
        for (a, i), (b, j) in zip(players[::2], players[1::2]):
            mask = next(masks)
            if mask == 0:
                winners.append((a, i))
                continue
            # a masked operand is a table of the sum, of which the gates are wires
            seen = frozen(((span + tournament.offset) & mask)[None, :])
            right = build.add(Greater(), build.add(Table(seen, kind.lo), b), build.add(Table(seen, kind.lo), a))
            winners.append((build.add(Select(), right, b, a), build.add(Select(), right, j, i)))
        players = winners + ([players[-1]] if len(players) % 2 else [])
    return players[0][1]
