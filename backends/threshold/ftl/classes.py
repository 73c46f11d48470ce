"""Enumeration of threshold functions: NP classes and how many functions each stands for.

Up to permutation and inversion of inputs (NP), a threshold function is positive with variables ordered by strength;
such functions are 2-monotonic, that is up-sets of the shift order on points, and there are few: 10, 27, 119, 1173 and
44315 for n = 3 .. 7. The identifier says which of them are threshold functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial

from nc.backends.threshold.ftl.identify import Threshold, cofactors, identify, minterms


def shift_order(n: int) -> list[int]:
    """For each point the mask of points that it forces to be true: one more input, or a swap to a stronger one.

    Variable 0 is the strongest.
    """
    above = []
    for m in range(1 << n):
        mask = 0
        for i in range(n):
            if not m >> i & 1:
                mask |= 1 << (m | 1 << i)
            if i and m >> i & 1 and not m >> (i - 1) & 1:
                mask |= 1 << (m ^ (1 << i) ^ (1 << (i - 1)))
        above.append(mask)
    return above


def regular_functions(n: int) -> Iterator[int]:
    """Truth tables of all 2-monotonic positive functions with variables ordered by strength, constants included."""
    above = shift_order(n)
    strength = [int(sum((n - i) for i in range(n) if row[i])) for row in minterms(n)]
    order = sorted(range(1 << n), key=lambda m: -strength[m])  # what a point forces stands before it

    def extend(place: int, table: int) -> Iterator[int]:
        if place == len(order):
            yield table
            return
        point = order[place]
        yield from extend(place + 1, table)
        if above[point] & ~table == 0:
            yield from extend(place + 1, table | 1 << point)

    return extend(0, 0)


def classes(n: int) -> list[tuple[int, Threshold]]:
    """One truth table and its weights for every NP class of threshold functions of at most `n` variables."""
    found = ((table, identify(table, n)) for table in regular_functions(n))
    return [(table, gate) for table, gate in found if gate is not None]


def functions_in_class(table: int, n: int) -> int:
    """How many functions of n variables have this positive representative: permutations times input inversions."""
    essential = [i for i in range(n) if len(set(cofactors(table, n, i))) == 2]
    count = factorial(n) << len(essential)
    run = 1
    for i in range(1, n + 1):  # variables of equal strength stand side by side; swapping them changes nothing
        if i < n and _symmetric(table, n, i - 1, i):
            run += 1
        else:
            count //= factorial(run)
            run = 1
    return count


def _symmetric(table: int, n: int, i: int, j: int) -> bool:
    """f is unchanged when variables i and j are exchanged."""
    for m in range(1 << n):
        if (m >> i & 1, m >> j & 1) == (1, 0) and (table >> m & 1) != (table >> (m ^ (1 << i) ^ (1 << j)) & 1):
            return False
    return True
