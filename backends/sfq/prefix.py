"""Restructures carry-like chains of an AIG into parallel prefix form (Sklansky), which path balancing needs.

A chain n_1, n_2, ... of and nodes, each reading the one before and a side input, is a sequence of functions of the
chain's value z: z -> s & z, or z -> g | z (after moving inverters along). Functions z -> g | p & z compose
associatively, (g2, p2) o (g1, p1) = (g2 | p2 g1, p2 p1), so all values of a chain come from a prefix network of
logarithmic depth: J. Sklansky, "Conditional-Sum Addition Logic", 1960; R. Ladner, M. Fischer, "Parallel Prefix
Computation", 1980. Ripple adders, comparators and priority encoders are such chains.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

from nc.backends.sfq.aig import FALSE, TRUE, Aig

Pair = tuple[int, int]
"""(g, p): the function z -> g | p & z."""

MIN_LENGTH = 6
"""Shorter chains gain nothing."""


@dataclass
class _Chain:
    """Nodes bottom up, and the literal that enters the first."""

    entry: int
    nodes: list[int]
    sides: list[int]
    enters: list[int]
    position: dict[int, int] = field(default_factory=dict)


def _critical(aig: Aig) -> list[int]:
    """Nodes of a longest path, bottom up."""
    ends = [literal >> 1 for _, bits in aig.outputs for literal in bits]
    at = max(ends, key=lambda node: aig.level[node])
    path = []
    while (fanins := aig.fanins[at]) is not None:
        path.append(at)
        a, b = fanins
        at = (a if aig.level[a >> 1] >= aig.level[b >> 1] else b) >> 1
    return path[::-1]


def _chains(aig: Aig, path: list[int]) -> list[_Chain]:
    """Runs of the path whose side inputs come early enough for a prefix network to win."""
    found, run = [], _Chain(0, [], [], [])

    def close() -> None:
        nonlocal run
        if len(run.nodes) >= MIN_LENGTH:
            side = max(aig.level[s >> 1] for s in run.sides)
            start = max(aig.level[run.entry >> 1], side)
            if start + 2 * ceil(log2(len(run.nodes))) < aig.level[run.nodes[-1]]:
                run.position = {node: i for i, node in enumerate(run.nodes)}
                found.append(run)
        run = _Chain(0, [], [], [])

    before = path[0] if path else 0
    for node in path[1:]:
        fanins = aig.fanins[node]
        assert fanins is not None
        late, side = fanins if fanins[0] >> 1 == before else fanins[::-1]
        if run.nodes and aig.level[side >> 1] > (aig.level[run.nodes[-1]] + aig.level[run.entry >> 1]) // 2 + 2:
            close()
        if aig.level[side >> 1] < aig.level[before]:
            if not run.nodes:
                run.entry = late
            run.nodes.append(node)
            run.sides.append(side)
            run.enters.append(late)
        else:
            close()
        before = node
    close()
    return found


class _Prefix:
    """The new values of one chain, built on demand from the bottom (so that the copy stays topological)."""

    def __init__(self, new: Aig, chain: _Chain, tapped: list[bool], map_: dict[int, int]):
        self.new, self.chain, self.map = new, chain, map_
        self.flip: list[int] = []
        self.is_or: list[bool] = []
        flip = chain.entry & 1
        for k in range(len(chain.nodes)):
            inverted = (chain.enters[k] & 1) ^ flip
            self.is_or.append(bool(inverted))
            flip = inverted
            self.flip.append(flip)
        self.block_of, self.first = [], [0]
        for k in range(len(chain.nodes)):
            if k and self._cut(k, tapped):
                self.first.append(k)
            self.block_of.append(len(self.first) - 1)
        self.first.append(len(chain.nodes))
        self.spans: dict[tuple[int, int], Pair] = {}

    def _cut(self, k: int, tapped: list[bool]) -> bool:
        """Blocks are and-runs followed by or-runs; a value read from outside ends its run."""
        same = self.is_or[k] == self.is_or[k - 1]
        return tapped[k - 1] if same else not self.is_or[k]

    def literal(self, old: int) -> int:
        return self.map[old >> 1] ^ (old & 1)

    def element(self, k: int) -> Pair:
        side = self.literal(self.chain.sides[k])
        return (side ^ 1, TRUE) if self.is_or[k] else (FALSE, side)

    def compose(self, second: Pair, first: Pair) -> Pair:
        (g2, p2), (g1, p1) = second, first
        return self.new.or_(g2, self.new.and_(p2, g1)), self.new.and_(p2, p1)

    def block(self, lo: int, hi: int) -> Pair:
        """Elements lo..hi-1 of one block, balanced."""
        if hi - lo == 1:
            return self.element(lo)
        middle = (lo + hi) // 2
        return self.compose(self.block(middle, hi), self.block(lo, middle))

    def span(self, lo: int, hi: int) -> Pair:
        """Blocks lo..hi, split at the power of two below: Sklansky's tree."""
        if (lo, hi) not in self.spans:
            if lo == hi:
                self.spans[lo, hi] = self.block(self.first[lo], self.first[lo + 1])
            else:
                middle = lo + (1 << ((hi - lo).bit_length() - 1))
                self.spans[lo, hi] = self.compose(self.span(middle, hi), self.span(lo, middle - 1))
        return self.spans[lo, hi]

    def apply(self, pair: Pair, value: int) -> int:
        return self.new.or_(pair[0], self.new.and_(pair[1], value))

    def value(self, k: int) -> int:
        """The new literal of chain node k (true polarity)."""
        block = self.block_of[k]
        entry = self.literal(self.chain.entry & ~1) ^ (self.chain.entry & 1)
        if k + 1 == self.first[block + 1]:
            z = self.apply(self.span(0, block), entry)
        else:
            below = self.apply(self.span(0, block - 1), entry) if block else entry
            z = self.apply(self.block(self.first[block], k + 1), below)
        return z ^ self.flip[k]


def _rewrite(aig: Aig, chains: list[_Chain]) -> Aig:
    new = aig.empty_copy()
    readers: dict[int, set[int]] = {}
    for node, fanins in enumerate(aig.fanins):
        for literal in fanins or ():
            readers.setdefault(literal >> 1, set()).add(node)
    ends = {literal >> 1 for _, bits in aig.outputs for literal in bits}
    chain_of = {node: chain for chain in chains for node in chain.nodes}
    map_: dict[int, int] = {node: 2 * node for node, fanins in enumerate(aig.fanins) if fanins is None}
    inputs = [0] + [literal >> 1 for _, bits in aig.inputs for literal in bits]
    map_.update(zip(inputs, [0] + [literal for _, bits in new.inputs for literal in bits]))
    built: dict[int, _Prefix] = {}
    for node, fanins in enumerate(aig.fanins):
        if fanins is None:
            continue
        chain = chain_of.get(node)
        if chain is None:
            a, b = fanins
            map_[node] = new.and_(map_[a >> 1] ^ (a & 1), map_[b >> 1] ^ (b & 1))
            continue
        above = dict(zip(chain.nodes, chain.nodes[1:]))
        if id(chain) not in built:
            tapped = [n in ends or bool(readers.get(n, set()) - {above.get(n, -1)}) for n in chain.nodes]
            built[id(chain)] = _Prefix(new, chain, tapped, map_)
        map_[node] = built[id(chain)].value(chain.position[node])
    new.outputs = [(name, [map_[x >> 1] ^ (x & 1) for x in bits]) for name, bits in aig.outputs]
    return new


def _alive(aig: Aig) -> Aig:
    """A copy without dead nodes."""
    new, map_, live = aig.empty_copy(), {0: 0}, set()
    stack = [literal >> 1 for _, bits in aig.outputs for literal in bits]
    while stack:
        node = stack.pop()
        if node not in live:
            live.add(node)
            stack += [literal >> 1 for literal in aig.fanins[node] or ()]
    for (_, old), (_, made) in zip(aig.inputs, new.inputs):
        map_.update(zip((x >> 1 for x in old), made))
    for node, fanins in enumerate(aig.fanins):
        if fanins is not None and node in live:
            a, b = fanins
            map_[node] = new.and_(map_[a >> 1] ^ (a & 1), map_[b >> 1] ^ (b & 1))
    new.outputs = [(name, [map_[x >> 1] ^ (x & 1) for x in bits]) for name, bits in aig.outputs]
    return new


def restructure(aig: Aig, rounds: int = 64) -> Aig:
    """Chains on longest paths in prefix form, round by round, while the outputs' levels go down."""
    best = _alive(aig)
    for _ in range(rounds):
        chains = _chains(best, _critical(best))
        if not chains:
            break
        tried = _alive(_rewrite(best, chains))
        if tried.output_levels() >= best.output_levels():
            break
        best = tried
    return best
