"""Checks a WordGraph's invariants: shape of the arrays, order, arity, constants, ranges. Finds everything at once."""

from __future__ import annotations

import numpy as np

from nc.ir.diagnostics import Collector
from nc.ir.words.graph import WordGraph
from nc.ir.words.kinds import SIGNATURES, Kind
from nc.ir.words.ranges import RANGES, Interval, sum_range, table_range
from nc.ir.words.text import node_text


def verify(graph: WordGraph, *, limit: int = 20) -> None:
    """Raise NC605 with up to `limit` findings; silent when the graph is sound."""
    found = Collector()
    _structure(graph, found, limit)
    found.raise_if_any()
    _ranges(graph, found, limit)
    found.raise_if_any()


def _structure(graph: WordGraph, found: Collector, limit: int) -> None:
    least = np.array([SIGNATURES[k].least for k in Kind])[graph.kind]
    most = np.array([np.iinfo(np.int64).max if (m := SIGNATURES[k].most) is None else m for k in Kind])[graph.kind]
    for node in np.flatnonzero((graph.arity < least) | (graph.arity > most))[:limit].tolist():
        found.error(
            "NC605",
            f"{Kind(int(graph.kind[node])).name.lower()} cannot have {graph.arity[node]} operands",
            op=f"%{node}",
        )
    late = graph.owner[graph.src >= graph.owner]
    for node in np.unique(late)[:limit].tolist():
        found.error("NC605", "operands must precede their operation", op=node_text(graph, node))
    plain = (graph.kind[graph.owner] != Kind.SUM) & ((graph.shift != 0) | graph.neg)
    for node in np.unique(graph.owner[plain | (graph.shift < 0)])[:limit].tolist():
        found.error("NC605", "only a sum shifts (left) and negates its operands", op=node_text(graph, node))
    tables = np.flatnonzero((graph.kind == Kind.TABLE) & ((graph.p0 < 0) | (graph.p0 >= len(graph.tables))))
    for node in tables[:limit].tolist():
        found.error("NC605", f"table {graph.p0[node]} must be one of {len(graph.tables)}", op=node_text(graph, node))
    for port in (*graph.inputs, *graph.outputs):
        low, high = (-(1 << (port.bits - 1)), (1 << (port.bits - 1)) - 1) if port.signed else (0, (1 << port.bits) - 1)
        if len(port.nodes) and (graph.lo[port.nodes].min() < low or graph.hi[port.nodes].max() > high):
            found.error("NC605", f"port '{port.name}' of {port.bits} bits must hold its elements' ranges")


def _ranges(graph: WordGraph, found: Collector, limit: int) -> None:
    """Each range must lie within what its operands allow (it may be tighter: correlated operands)."""
    low, high = graph.lo.tolist(), graph.hi.tolist()
    src, shift, neg = graph.src.tolist(), graph.shift.tolist(), graph.neg.tolist()
    p0, p1, start = graph.p0.tolist(), graph.p1.tolist(), graph.start.tolist()
    for node, code in enumerate(graph.kind.tolist()):
        kind = Kind(code)
        entries = range(start[node], start[node + 1])
        intervals: list[Interval] = [(low[src[e]], high[src[e]]) for e in entries]
        if kind == Kind.INPUT:
            allowed = (low[node], high[node])
        elif kind == Kind.CONST:
            allowed = (p0[node], p0[node])
        elif kind == Kind.SUM:
            allowed = sum_range([(i, shift[e], neg[e]) for i, e in zip(intervals, entries)], p0[node])
        elif kind == Kind.TABLE:
            table = graph.tables[p0[node]]
            if intervals[0][0] < p1[node] or intervals[0][1] - p1[node] >= len(table):
                found.error("NC605", "a table must cover its operand's range", op=node_text(graph, node))
                continue
            allowed = table_range(table, intervals[0], p1[node])
        else:
            allowed = RANGES[kind](intervals, p0[node], p1[node])
        if not allowed[0] <= low[node] <= high[node] <= allowed[1]:
            found.error("NC605", f"the range must lie within {allowed[0]}..{allowed[1]}", op=node_text(graph, node))
        if len(found.diagnostics) >= limit:
            return
