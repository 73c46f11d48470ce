"""Shallow arithmetic on an AIG: carry-save column sums, Sklansky adders, comparators, multiplexers, tables.

Every gate is a pipeline stage and every stage costs DFFs on all signals that cross it, so depth is what counts.
Numbers are lists of literals, least significant first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from nc.backends.sfq.aig import FALSE, TRUE, Aig

Number = list[int]


def xor(aig: Aig, a: int, b: int) -> int:
    return aig.or_(aig.and_(a, b ^ 1), aig.and_(a ^ 1, b))


def mux(aig: Aig, select: int, then: int, otherwise: int) -> int:
    if then == otherwise:
        return then
    return aig.or_(aig.and_(select, then), aig.and_(select ^ 1, otherwise))


def full_adder(aig: Aig, a: int, b: int, c: int) -> tuple[int, int]:
    """Sum and carry: one box where the graph keeps full adders whole, else gates."""
    if aig.boxed and min(a, b, c) > TRUE and len({a >> 1, b >> 1, c >> 1}) == 3:
        return aig.box(a, b, c)
    half = xor(aig, a, b)
    return xor(aig, half, c), aig.or_(aig.and_(a, b), aig.and_(half, c))


def tree(aig: Aig, literals: Iterable[int], *, any_of: bool = False) -> int:
    """And (or: or) of many, the earliest joined first."""
    heap = [(aig.level[x >> 1], x ^ any_of) for x in literals]
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = aig.and_(heapq.heappop(heap)[1], heapq.heappop(heap)[1])
        heapq.heappush(heap, (aig.level[joined >> 1], joined))
    return (heap[0][1] if heap else TRUE) ^ any_of


def column_sum(aig: Aig, columns: Sequence[Iterable[int]], constant: int, width: int) -> Number:
    """(constant + sum over columns i, literals x of x * 2**i) mod 2**width.

    Full adders take the three earliest bits of a column until two rows are left (as in Dadda, 1965, by arrival), which
    a prefix adder joins.
    """
    heaps: list[list[tuple[int, int]]] = [[] for _ in range(width + 1)]
    for i, column in enumerate(columns[:width]):
        for x in column:
            heapq.heappush(heaps[i], (aig.level[x >> 1], x))
    for i in range(width):
        if constant >> i & 1:
            heapq.heappush(heaps[i], (0, TRUE))
    for i in range(width):
        heap = heaps[i]
        while len(heap) > 2:
            a, b, c = (heapq.heappop(heap)[1] for _ in range(3))
            total, carry = full_adder(aig, a, b, c)
            heapq.heappush(heap, (aig.level[total >> 1], total))
            heapq.heappush(heaps[i + 1], (aig.level[carry >> 1], carry))
    rows = [[x for _, x in heap] + [FALSE, FALSE] for heap in heaps[:width]]
    return add(aig, [row[0] for row in rows], [row[1] for row in rows])


def add(aig: Aig, a: Number, b: Number, carry: int = FALSE) -> Number:
    """(a + b + carry) mod 2**len(a), carries by Sklansky's prefix network."""
    half = [xor(aig, x, y) for x, y in zip(a, b)]
    pairs = [(aig.and_(x, y), h) for x, y, h in zip(a, b, half)]
    carries = [carry] + [aig.or_(g, aig.and_(p, carry)) for g, p in _prefixes(aig, pairs[:-1])]
    return [xor(aig, h, c) for h, c in zip(half, carries)]


def _compose(aig: Aig, second: tuple[int, int], first: tuple[int, int]) -> tuple[int, int]:
    return aig.or_(second[0], aig.and_(second[1], first[0])), aig.and_(second[1], first[1])


def _prefixes(aig: Aig, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """All prefixes of (generate, propagate) pairs."""
    found, span = list(pairs), 1
    while span < len(found):
        for block in range(span, len(found), 2 * span):
            for i in range(block, min(block + span, len(found))):
                found[i] = _compose(aig, found[i], found[block - 1])
        span *= 2
    return found


def greater_equal(aig: Aig, a: Number, b: Number) -> int:
    """a >= b, unsigned, equal widths: the carry out of a + ~b + 1, as a balanced tree of pairs."""
    pairs = [(aig.and_(x, y ^ 1), aig.or_(x, y ^ 1)) for x, y in zip(a, b)]
    while len(pairs) > 1:
        joined = [_compose(aig, high, low) for low, high in zip(pairs[::2], pairs[1::2])]
        pairs = joined + pairs[2 * len(joined) :]
    return aig.or_(*pairs[0]) if pairs else TRUE


def equal(aig: Aig, a: Number, b: Number) -> int:
    return tree(aig, (xor(aig, x, y) ^ 1 for x, y in zip(a, b)))


def lookup(aig: Aig, table: Sequence[int], address: Number) -> int:
    """Bit table[address]; entries beyond the table are free and repeat its last one."""
    known: dict[tuple[int, ...], int] = {}

    def expand(part: tuple[int, ...], bit: int) -> int:
        if len(set(part)) == 1:
            return TRUE if part[0] else FALSE
        if part not in known:
            half = len(part) // 2
            zero, one = expand(part[:half], bit - 1), expand(part[half:], bit - 1)
            known[part] = mux(aig, address[bit], one, zero)
        return known[part]

    size = 1 << len(address)
    padded = (*table, *([table[-1]] * (size - len(table))))[:size]
    return expand(padded, len(address) - 1)
