"""Builds word graphs: constants folded, equal operations shared (hash-consing), ranges computed exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.words.graph import IntArray, WordGraph, WordPort, bit_width
from nc.ir.words.kinds import Kind
from nc.ir.words.ranges import RANGES, Interval, sum_range, table_range

INT64 = 1 << 63


class Term(NamedTuple):
    """One operand of a sum: +-(node << shift)."""

    node: int
    shift: int = 0
    neg: bool = False


class WordBuilder:
    """Appends nodes; every method returns the id of a node that computes what was asked, new or shared.

    `layer(name)` sets the layer of the nodes that follow. Values must fit 64-bit signed integers (NC601).
    """

    def __init__(self) -> None:
        self._kind: list[int] = []
        self._range: list[Interval] = []
        self._params: list[tuple[int, int]] = []
        self._layer: list[int] = []
        self._operands: list[tuple[Term, ...]] = []
        self._layers: dict[str, int] = {}
        self._current = 0
        self._known: dict[tuple[object, ...], int] = {}
        self._tables: list[IntArray] = []
        self._table_ids: dict[bytes, int] = {}
        self._inputs: list[WordPort] = []
        self.layer("input")

    def __len__(self) -> int:
        return len(self._kind)

    def layer(self, name: str) -> None:
        """The layer of the nodes that follow."""
        self._current = self._layers.setdefault(name, len(self._layers))

    def range(self, node: int) -> Interval:
        return self._range[node]

    def kind(self, node: int) -> Kind:
        return Kind(self._kind[node])

    def constant_value(self, node: int) -> int | None:
        """The value of a node that is a constant, else None."""
        return self._params[node][0] if self._kind[node] == Kind.CONST else None

    def terms(self, node: int) -> tuple[Term, ...]:
        return self._operands[node]

    def params(self, node: int) -> tuple[int, int]:
        return self._params[node]

    def input(
        self,
        name: str,
        shape: tuple[int, ...],
        lo: int | IntArray,
        hi: int | IntArray,
        *,
        bits: int | None = None,
        signed: bool | None = None,
    ) -> IntArray:
        """A new input port; ids as an array of `shape`. `lo`, `hi`: range of all elements, or one an element.

        `bits`, `signed` are those of the port (default: what the range needs).
        """
        lows, highs = np.broadcast_to(lo, shape).ravel(), np.broadcast_to(hi, shape).ravel()
        nodes = np.array(
            [self._append(Kind.INPUT, (int(a), int(b)), (), (0, 0)) for a, b in zip(lows, highs)], np.int64
        )
        self._inputs.append(_port(name, shape, nodes, lows, highs, bits, signed))
        return nodes.reshape(shape)

    def const(self, value: int) -> int:
        return self._shared(Kind.CONST, (value, value), (), (value, 0))

    def sum(
        self, terms: Iterable[Term | tuple[int, int, bool]], constant: int = 0, *, within: Interval | None = None
    ) -> int:
        """constant + sum of +-(node << shift). Terms that are constants fold; pure shifts pass through.

        `within`: a proved interval tighter than the operands' own (correlated operands); it is intersected.
        """
        kept: list[Term] = []
        for node, shift, neg in terms:
            kind = self._kind[node]
            if kind == Kind.CONST:
                value = self._params[node][0] << shift
                constant += -value if neg else value
            elif kind == Kind.SUM and len(self._operands[node]) == 1 and self._params[node][0] == 0:
                inner = self._operands[node][0]
                kept.append(Term(inner.node, inner.shift + shift, inner.neg ^ bool(neg)))
            else:
                kept.append(Term(int(node), int(shift), bool(neg)))
        if not kept:
            return self.const(constant)
        if constant == 0 and len(kept) == 1 and kept[0].shift == 0 and not kept[0].neg:
            return kept[0].node
        kept.sort()
        low, high = sum_range([(self._range[t.node], t.shift, t.neg) for t in kept], constant)
        if within is not None:
            low, high = max(low, within[0]), min(high, within[1])
        if low == high:
            return self.const(low)
        return self._shared(Kind.SUM, (low, high), tuple(kept), (constant, 0))

    def add(self, a: int, b: int) -> int:
        return self.sum((Term(a), Term(b)))

    def sub(self, a: int, b: int) -> int:
        return self.sum((Term(a), Term(b, 0, True)))

    def mul(self, a: int, b: int) -> int:
        """Product of two variables; a constant operand becomes shift-adds by its canonical signed digits."""
        for variable, other in ((a, b), (b, a)):
            value = self.constant_value(other)
            if value is not None:
                return self.scale(variable, value)
        return self._op(Kind.MUL, tuple(sorted((a, b))))

    def scale(self, a: int, factor: int) -> int:
        """a * factor as one sum over the canonical signed digits of `factor`."""
        low, high = sorted((self._range[a][0] * factor, self._range[a][1] * factor))
        return self.sum([Term(a, s, neg) for s, neg in csd(factor)], within=(low, high))

    def ge(self, a: int, b: int | None = None, offset: int = 0) -> int:
        """1 if a >= b + offset (b absent: a >= offset), else 0."""
        return self._compare(Kind.GE, a, b, offset)

    def eq(self, a: int, b: int | None = None, offset: int = 0) -> int:
        """1 if a == b + offset (b absent: a == offset), else 0."""
        return self._compare(Kind.EQ, a, b, offset)

    def _compare(self, kind: Kind, a: int, b: int | None, offset: int) -> int:
        if b is None:
            return self._op(kind, (a,), (offset, 0))
        value = self.constant_value(b)
        if value is not None:
            return self._op(kind, (a,), (offset + value, 0))
        if a == b:
            return self.const(int(offset <= 0 if kind == Kind.GE else offset == 0))
        return self._op(kind, (a, b), (offset, 0))

    def mux(self, select: int, then: int, otherwise: int) -> int:
        """`then` where `select` (0 or 1) is 1."""
        if then == otherwise:
            return then
        low, high = self._range[select]
        if low == high:
            return then if low else otherwise
        if self.constant_value(then) == 1 and self.constant_value(otherwise) == 0:
            return select
        return self._op(Kind.MUX, (select, then, otherwise))

    def min(self, *nodes: int) -> int:
        return self._extreme(Kind.MIN, nodes)

    def max(self, *nodes: int) -> int:
        return self._extreme(Kind.MAX, nodes)

    def _extreme(self, kind: Kind, nodes: Sequence[int]) -> int:
        # The anchor guarantees the floor (roof); operands that can never beat it are dropped.
        def worst(node: int) -> int:
            return self._range[node][0] if kind == Kind.MAX else -self._range[node][1]

        def best(node: int) -> int:
            return self._range[node][1] if kind == Kind.MAX else -self._range[node][0]

        distinct = sorted({int(n) for n in nodes})
        anchor = max(distinct, key=worst)
        kept = [n for n in distinct if n == anchor or best(n) > worst(anchor)]
        return kept[0] if len(kept) == 1 else self._op(kind, kept)

    def assume(self, node: int, low: int, high: int) -> int:
        """Tighten a node's range to what is proved outside its own operation (|a| is never negative)."""
        below, above = self._range[node]
        self._range[node] = (max(below, low), min(above, high))
        return node

    def clamp(self, a: int, low: int, high: int) -> int:
        if low <= self._range[a][0] and self._range[a][1] <= high:
            return a
        if self._kind[a] == Kind.CLAMP and max(low, self._params[a][0]) <= min(high, self._params[a][1]):
            low, high = max(low, self._params[a][0]), min(high, self._params[a][1])
            return self.clamp(self._operands[a][0].node, low, high)
        return self._op(Kind.CLAMP, (a,), (low, high))

    def shr(self, a: int, amount: int) -> int:
        """a >> amount, rounding towards minus infinity."""
        return self._op(Kind.SHR, (a,), (amount, 0)) if amount else a

    def bits(self, a: int, low: int, width: int) -> int:
        """Bits low .. low + width - 1 of a's two's complement, as an unsigned number."""
        bottom, top = self._range[a]
        if bottom >= 0 and top < 1 << (low + width):
            return self.shr(a, low)
        return self._op(Kind.BITS, (a,), (low, width))

    def table(self, a: int, entries: IntArray, base: int = 0) -> int:
        """entries[a - base]; the entries beyond a's range are dropped, equal tables shared."""
        low, high = self._range[a]
        if low < base or high - base >= len(entries):
            fail(
                "NC602",
                f"a table must cover its operand's range {low}..{high}, not {base}..{base + len(entries) - 1}",
            )
        part = np.ascontiguousarray(np.asarray(entries, np.int64)[low - base : high - base + 1])
        if (part == part[0]).all():
            return self.const(int(part[0]))
        if len(part) > 1 and (part == np.arange(low, high + 1)).all():
            return a
        index = self._table_ids.setdefault(part.tobytes(), len(self._tables))
        if index == len(self._tables):
            self._tables.append(part)
        return self._shared(Kind.TABLE, table_range(part, (low, high), low), (Term(a),), (index, low))

    def reg(self, a: int) -> int:
        """a, one clock later; constants need no register."""
        return a if self._kind[a] == Kind.CONST else self._op(Kind.REG, (a,))

    def build(
        self,
        outputs: Sequence[WordPort] | Mapping[str, IntArray],
        probes: Mapping[str, WordPort] | None = None,
    ) -> WordGraph:
        """Freeze. `outputs` maps names to arrays of ids, or lists ports made by `port`."""
        ports = (
            tuple(self.port(name, np.asarray(ids)) for name, ids in outputs.items())
            if isinstance(outputs, Mapping)
            else tuple(outputs)
        )
        counts = np.fromiter((len(o) for o in self._operands), np.int64, len(self))
        flat = np.array([t for o in self._operands for t in o], np.int64).reshape(-1, 3)
        ranges = np.array(self._range, np.int64).reshape(-1, 2)
        params = np.array(self._params, np.int64).reshape(-1, 2)
        return WordGraph(
            kind=np.array(self._kind, np.uint8),
            lo=ranges[:, 0].copy(),
            hi=ranges[:, 1].copy(),
            p0=params[:, 0].copy(),
            p1=params[:, 1].copy(),
            layer=np.array(self._layer, np.int32),
            start=np.concatenate(([0], np.cumsum(counts))),
            src=flat[:, 0].astype(np.int32),
            shift=flat[:, 1].astype(np.int8),
            neg=flat[:, 2].astype(bool),
            layers=tuple(self._layers),
            tables=tuple(self._tables),
            inputs=tuple(self._inputs),
            outputs=ports,
            probes=dict(probes or {}),
        )

    def port(self, name: str, nodes: IntArray, *, bits: int | None = None, signed: bool | None = None) -> WordPort:
        """A port over existing nodes, as wide as their ranges need unless said otherwise."""
        nodes = np.asarray(nodes, np.int64)
        lows = np.array([self._range[n][0] for n in nodes.ravel()], np.int64)
        highs = np.array([self._range[n][1] for n in nodes.ravel()], np.int64)
        return _port(name, nodes.shape, nodes.ravel(), lows, highs, bits, signed)

    def _op(self, kind: Kind, nodes: Sequence[int], params: tuple[int, int] = (0, 0)) -> int:
        interval = RANGES[kind]([self._range[n] for n in nodes], *params)
        if interval[0] == interval[1]:
            return self.const(interval[0])
        return self._shared(kind, interval, tuple(Term(int(n)) for n in nodes), params)

    def _shared(self, kind: Kind, interval: Interval, terms: tuple[Term, ...], params: tuple[int, int]) -> int:
        key = (int(kind), terms, params)
        found = self._known.get(key)
        if found is not None:
            low, high = self._range[found]
            self._range[found] = (max(low, interval[0]), min(high, interval[1]))
            return found
        node = self._append(kind, interval, terms, params)
        self._known[key] = node
        return node

    def _append(self, kind: Kind, interval: Interval, terms: tuple[Term, ...], params: tuple[int, int]) -> int:
        if not -INT64 <= interval[0] <= interval[1] < INT64:
            fail(
                "NC601",
                f"an integer must fit 64 bits, not reach {interval[0]}..{interval[1]}",
                help="put a quantiser before this operation",
            )
        self._kind.append(int(kind))
        self._range.append(interval)
        self._operands.append(terms)
        self._params.append((int(params[0]), int(params[1])))
        self._layer.append(self._current)
        return len(self._kind) - 1


def csd(value: int) -> list[tuple[int, bool]]:
    """Canonical signed digits: value = sum of +-2**shift with no two adjacent; list of (shift, negative).

    Reitwiesner, "Binary arithmetic", Advances in Computers 1, 1960.

    >>> csd(7)
    [(0, True), (3, False)]
    """
    negative = value < 0
    rest, digits, shift = abs(value), [], 0
    while rest:
        if rest & 1:
            minus = rest & 3 == 3
            digits.append((shift, minus != negative))
            rest += 1 if minus else -1
        rest >>= 1
        shift += 1
    return digits


def _port(
    name: str,
    shape: tuple[int, ...],
    nodes: IntArray,
    lows: IntArray,
    highs: IntArray,
    bits: int | None,
    signed: bool | None,
) -> WordPort:
    low, high = (int(lows.min()), int(highs.max())) if len(nodes) else (0, 0)
    is_signed = low < 0 if signed is None else signed
    need = int(bit_width(np.array([min(low, -1) if is_signed else low]), np.array([high]))[0])
    return WordPort(
        name, tuple(int(d) for d in shape), np.asarray(nodes, np.int64), need if bits is None else bits, is_signed
    )
