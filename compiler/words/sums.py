"""Multi-operand sums to trees of two- or three-operand adders.

A sum that only one other sum reads is merged into it first, so that a tree is chosen for all operands at once.
Ternary adders need floor(k / 2) instead of k - 1 adders for k operands. A shared pair is given back to its readers
where that leaves the number of ternary adders as it was without the pair's own adder: a reader with an even number
of operands takes one more for nothing.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from nc.compiler.words.rebuild import Copy
from nc.ir.words import Kind, Term, WordBuilder, WordGraph
from nc.ir.words.kinds import POPCOUNT_LEAST


@dataclass(frozen=True)
class SumTrees:
    """`operands`: of the widest adder, 2, 3 or more (a constant counts as one).

    `merge`: a sum with one reader, itself a sum, becomes part of it. `unshare`: pairs are given back to their readers
    where that costs them nothing.
    """

    operands: int = 2
    merge: bool = True
    unshare: bool = True

    def run(self, graph: WordGraph) -> WordGraph:
        terms = _merge(graph, self)
        copy = Copy(graph)
        flipped: dict[int, bool] = {}
        depth: dict[int, int] = {}
        roots = _roots(graph, terms)
        layer = -1
        for node in np.flatnonzero(_needed(graph, terms) & (graph.kind != Kind.INPUT)).tolist():
            if copy.layer[node] != layer:
                layer = copy.layer[node]
                copy.builder.layer(graph.layers[layer])
            if node not in terms:
                copy.new[node] = copy.keep(node)
                continue
            found = [Term(copy.new[s], shift, neg ^ flipped.get(s, False)) for s, shift, neg in terms[node]]
            made, negated = tree(
                copy.builder,
                found,
                copy.p0[node],
                self.operands,
                (copy.low[node], copy.high[node]),
                node in roots,
                depth,
            )
            copy.new[node] = made
            flipped[node] = negated
        return copy.finish()


Terms = dict[int, list[Term]]


def is_popcount(graph: WordGraph) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which nodes are sums of many single bits, which have an adder structure of their own."""
    bit = (graph.bits[graph.src] == 1) & ~graph.signed[graph.src]
    first = graph.shift[np.minimum(graph.start[:-1], max(0, len(graph.src) - 1))] if len(graph.src) else graph.p0
    same = graph.shift == first[graph.owner]
    good = np.ones(len(graph), bool)
    np.logical_and.at(good, graph.owner, bit & same)
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (graph.kind == Kind.SUM) & good & (graph.arity >= POPCOUNT_LEAST)
    )
    return result


def _merge(graph: WordGraph, options: SumTrees) -> Terms:
    """The operands of every sum that stays, in old ids, sums with a single reader merged into it."""
    sums = (graph.kind == Kind.SUM) & ~is_popcount(graph) & graph.live()
    fanout = np.bincount(graph.src[graph.live()[graph.owner]], minlength=len(graph))
    for port in graph.outputs:
        fanout += 2 * np.bincount(port.nodes, minlength=len(graph))
    by_sum = np.ones(len(graph), bool)
    by_sum[graph.src[~sums[graph.owner] & graph.live()[graph.owner]]] = False
    absorbed = sums & by_sum & (fanout == 1) & (graph.p0 == 0) & options.merge
    terms: Terms = {}
    src, shift, neg, start = graph.src.tolist(), graph.shift.tolist(), graph.neg.tolist(), graph.start.tolist()
    inner: Terms = {}
    gone = absorbed.tolist()
    for node in np.flatnonzero(sums).tolist():
        found: list[Term] = []
        for e in range(start[node], start[node + 1]):
            if gone[src[e]]:
                found += [Term(t.node, t.shift + shift[e], t.neg ^ neg[e]) for t in inner[src[e]]]
            else:
                found.append(Term(src[e], shift[e], neg[e]))
        (inner if gone[node] else terms)[node] = found
    if options.operands >= 3 and options.unshare:
        shareable = sums & by_sum
        for port in graph.outputs:
            shareable[port.nodes] = False
        _unshare(terms, graph.p0.tolist(), shareable.tolist(), 2 if options.operands == 3 else 3)
    return terms


def _unshare(terms: Terms, constant: list[int], shareable: list[bool], step: int) -> None:
    """Give pairs back to their readers where the adders' number falls.

    `step`: operands that a full adder removes; a sum whose operands are not one more than a multiple takes another
    one for nothing. Two for ternary adders, three for heaps, whose counters make four operands one for three LUTs a
    bit and three operands for as many.
    """
    readers: dict[int, list[int]] = {}
    for node, found in terms.items():
        for term in found:
            readers.setdefault(term.node, []).append(node)
    for node in sorted(terms, reverse=True):
        found = terms[node]
        users = readers.get(node, [])
        if not shareable[node] or len(found) != 2 or constant[node] or not users or len(set(users)) < len(users):
            continue
        full = sum((len(terms[u]) + (step == 2 and constant[u] != 0)) % step != 0 for u in users)
        if full > 0:
            continue
        for user in users:
            merged: list[Term] = []
            for term in terms[user]:
                if term.node == node:
                    merged += [Term(t.node, t.shift + term.shift, t.neg ^ term.neg) for t in found]
                else:
                    merged.append(term)
            terms[user] = merged
        for term in found:
            readers[term.node].remove(node)
            readers[term.node] += users
        del terms[node], readers[node]


def _needed(graph: WordGraph, terms: Terms) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    alive = np.zeros(len(graph), bool)
    for port in graph.outputs:
        alive[port.nodes] = True
    for node in range(len(graph) - 1, -1, -1):
        if alive[node]:
            found = terms.get(node)
            if found is None:
                alive[graph.src[graph.start[node] : graph.start[node + 1]]] = True
            else:
                alive[[t.node for t in found]] = True
    return alive


def _roots(graph: WordGraph, terms: Terms) -> set[int]:
    """Sums that something other than a sum of `terms` reads: their sign cannot be left to the reader."""
    inside = np.zeros(len(graph), bool)
    inside[list(terms)] = True
    roots = set(graph.src[~inside[graph.owner]].tolist())
    for port in (*graph.outputs, *graph.probes.values()):
        roots |= set(port.nodes.tolist())
    return roots


def tree(
    builder: WordBuilder,
    terms: list[Term],
    constant: int,
    operands: int,
    within: tuple[int, int],
    exact: bool,
    depth: dict[int, int],
) -> tuple[int, bool]:
    """A balanced tree of adders; returns its root and whether that is the negated sum (never when `exact`).

    `depth`: adders from the last other operation to each node, extended here. Operands that are ready first meet
    first, narrow ones before wide ones; a group whose lowest operand is negative is negated as a
    whole, since the low bits of a positive operand pass by the carry chain.
    """
    heap: list[tuple[int, int, int, int, Term | None]] = []
    count = 0
    for term in terms:
        if builder.kind(term.node) == Kind.CONST:
            value = builder.range(term.node)[0] << term.shift
            constant += -value if term.neg else value
            continue
        heap.append((depth.get(term.node, 0), _top(builder, term), term.shift, count, term))
        count += 1
    if constant:
        heap.append((0, constant.bit_length(), (constant & -constant).bit_length() - 1, count, None))
    heapq.heapify(heap)
    if not any(entry[4] for entry in heap):
        return builder.const(constant), False
    while len(heap) > operands:
        size = operands
        if operands == 3 and len(heap) % 2 == 0:
            size = 2  # one pair first, so that every later adder is full
        group = [heapq.heappop(heap) for _ in range(size)]
        fixed = constant if any(entry[4] is None for entry in group) else 0
        made, negated = _adder(builder, [e[4] for e in group if e[4] is not None], fixed, None, False)
        term = Term(made, 0, negated)
        count += 1
        depth[made] = max(e[0] for e in group) + 1
        heapq.heappush(heap, (depth[made], _top(builder, term), 0, count, term))
    rest = [entry[4] for entry in heap if entry[4] is not None]
    fixed = constant if any(entry[4] is None for entry in heap) else 0
    root = _adder(builder, rest, fixed, within, exact)
    depth[root[0]] = max(entry[0] for entry in heap) + (len(heap) > 1)
    return root


def _top(builder: WordBuilder, term: Term) -> int:
    low, high = builder.range(term.node)
    return int(max(high, ~low)).bit_length() + term.shift


def _adder(
    builder: WordBuilder, terms: list[Term], constant: int, within: tuple[int, int] | None, exact: bool
) -> tuple[int, bool]:
    lowest = min(terms, key=lambda t: (t.shift, not t.neg))
    negate = not exact and constant == 0 and (lowest.neg or all(t.neg for t in terms))
    if not exact and constant and all(t.neg for t in terms):
        negate, constant = True, -constant
    if negate:
        terms = [Term(t.node, t.shift, not t.neg) for t in terms]
        within = None if within is None else (-within[1], -within[0])
    # A common shift is a wire: add below it, so that equal sums of other scales are shared.
    return builder.sum(terms, constant, within=within), negate
