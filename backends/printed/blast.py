"""A word graph as a network of gates: each word operation by the cheapest bit-level form of this technology."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nc.backends.printed.logic import FALSE, TRUE, Logic
from nc.ir.diagnostics import InternalError
from nc.ir.words import Kind, WordGraph

Bits = list[int]


@dataclass
class Blasted:
    """The network, and which word node each of its gates was made for (`owner[n]` of gate n)."""

    logic: Logic
    owner: dict[int, int] = field(default_factory=dict)


def blast(words: WordGraph) -> Blasted:
    """Inputs are named `port[bit]` with elements side by side, element 0 in the low bits; outputs likewise."""
    logic = Logic()
    result = Blasted(logic)
    bits: list[Bits] = [[] for _ in range(len(words))]
    for port in words.inputs:
        lines = logic.word(port.name, port.tensor.width)
        for i, node in enumerate(port.nodes.tolist()):
            bits[node] = lines[i * port.bits : (i + 1) * port.bits]
    alive = words.live()
    for node in np.flatnonzero(alive).tolist():
        kind = Kind(int(words.kind[node]))
        if kind == Kind.INPUT:
            continue
        before = len(logic.fanin)
        span = words.operands(node)
        operands = words.src[span].tolist()
        bits[node] = _fit(
            _RULES[kind](_Context(logic, words, node, bits), operands), int(words.bits[node]), bool(words.signed[node])
        )
        for gate in range(before, len(logic.fanin)):
            result.owner[gate] = node
    for port in words.outputs:
        for i, node in enumerate(port.nodes.tolist()):
            shown = _extend(bits[node], bool(words.signed[node]), port.bits)
            for b in range(port.bits):
                logic.output(f"{port.name}[{i * port.bits + b}]", shown[b])
    return result


@dataclass(frozen=True)
class _Context:
    logic: Logic
    words: WordGraph
    node: int
    bits: Sequence[Bits]

    def of(self, node: int, width: int | None = None) -> Bits:
        """The bits of an operand, sign-extended to `width`."""
        own = self.bits[node]
        return own if width is None else _extend(own, bool(self.words.signed[node]), width)

    @property
    def params(self) -> tuple[int, int]:
        return int(self.words.p0[self.node]), int(self.words.p1[self.node])

    def reach(self, node: int) -> tuple[int, int]:
        return int(self.words.lo[node]), int(self.words.hi[node])


def _extend(bits: Bits, signed: bool, width: int) -> Bits:
    filler = bits[-1] if signed and bits else FALSE
    return (bits + [filler] * (width - len(bits)))[:width]


def _fit(bits: Bits, width: int, signed: bool) -> Bits:
    """The proved range of a node may be narrower than its form: surplus bits repeat the sign and are dropped."""
    return _extend(bits, signed, width) if len(bits) < width else bits[:width]


def constant_bits(value: int, width: int) -> Bits:
    return [value >> b & 1 for b in range(width)]


def _const(c: _Context, operands: list[int]) -> Bits:
    return constant_bits(c.params[0], int(c.words.bits[c.node]))


def _sum(c: _Context, operands: list[int]) -> Bits:
    """All summand bits of all terms in one adder array; a negative bit is its complement and a constant."""
    width = int(c.words.bits[c.node])
    span = c.words.operands(c.node)
    terms = zip(operands, c.words.shift[span].tolist(), c.words.neg[span].tolist())
    return _add_terms(c, list(terms), c.params[0], width)


def _add_terms(c: _Context, terms: list[tuple[int, int, bool]], constant: int, width: int) -> Bits:
    columns: list[Bits] = [[] for _ in range(width)]
    for node, shift, negative in terms:
        bits = c.of(node)
        for b, literal in enumerate(bits):
            if b + shift >= width:
                break
            minus = negative != (bool(c.words.signed[node]) and b == len(bits) - 1)
            columns[b + shift].append(literal ^ int(minus))
            constant -= minus << (b + shift)
    for k, bit in enumerate(constant_bits(constant % (1 << width), width)):
        if bit:
            columns[k].append(TRUE)
    return c.logic.add_columns(columns, width)


def _mul(c: _Context, operands: list[int]) -> Bits:
    width = int(c.words.bits[c.node])
    a, b = (c.of(o, width) for o in operands)
    columns: list[Bits] = [[] for _ in range(width)]
    for i, p in enumerate(a):
        for j, q in enumerate(b[: width - i]):
            columns[i + j].append(c.logic.and_(p, q))
    return c.logic.add_columns(columns, width)


def _ge(c: _Context, operands: list[int]) -> Bits:
    offset = c.params[0]
    low, high = c.reach(operands[0])
    if len(operands) == 1:
        width = max(low.bit_length(), high.bit_length(), offset.bit_length()) + 1
        return [_not_less(c.logic, c.of(operands[0], width), constant_bits(offset, width), low < 0 or offset < 0)]
    below, above = c.reach(operands[1])
    signed = low < 0 or below < 0
    if offset in (0, 1):
        width = max(abs(v).bit_length() for v in (low, high, below, above)) + 1
        a, b = (c.of(o, width) for o in operands)
        if offset == 1:
            return [_not_less(c.logic, b, a, signed) ^ 1]
        return [_not_less(c.logic, a, b, signed)]
    extreme = max(abs(high - below - offset), abs(low - above - offset))
    width = extreme.bit_length() + 1
    difference = _add_terms(c, [(operands[0], 0, False), (operands[1], 0, True)], -offset, width)
    return [difference[-1] ^ 1]


def _not_less(logic: Logic, a: Bits, b: Bits, signed: bool) -> int:
    """a >= b of equally wide numbers."""
    if signed:
        a, b = [*a[:-1], a[-1] ^ 1], [*b[:-1], b[-1] ^ 1]
    return logic.greater(a, b, or_equal=True)


def _eq(c: _Context, operands: list[int]) -> Bits:
    offset = c.params[0]
    reach = [abs(v) for o in operands for v in c.reach(o)]
    width = (max([*reach, abs(offset)]) * 2 + abs(offset)).bit_length() + 1
    if len(operands) == 1:
        other = constant_bits(offset, width)
    elif offset == 0:
        other = c.of(operands[1], width)
    else:
        other = _add_terms(c, [(operands[1], 0, False)], offset, width)
    pairs = zip(c.of(operands[0], width), other)
    return [c.logic.all_(c.logic.xor(a, b) ^ 1 for a, b in pairs)]


def _mux(c: _Context, operands: list[int]) -> Bits:
    width = int(c.words.bits[c.node])
    select = c.of(operands[0])[0]
    return [c.logic.mux(select, a, b) for a, b in zip(c.of(operands[1], width), c.of(operands[2], width))]


def _extreme(largest: bool) -> Callable[[_Context, list[int]], Bits]:
    def rule(c: _Context, operands: list[int]) -> Bits:
        reach = [v for o in operands for v in c.reach(o)]
        width = max(abs(v).bit_length() for v in reach) + 1
        signed = min(reach) < 0
        best = c.of(operands[0], width)
        for other in operands[1:]:
            rival = c.of(other, width)
            wins = _not_less(c.logic, rival, best, signed)
            best = [c.logic.mux(wins if largest else wins ^ 1, r, b) for r, b in zip(rival, best)]
        return best

    return rule


def _clamp(c: _Context, operands: list[int]) -> Bits:
    low_limit, high_limit = c.params
    low, high = c.reach(operands[0])
    logic = c.logic
    width = max(abs(v).bit_length() for v in (low, high, low_limit, high_limit)) + 1
    bits = c.of(operands[0], width)
    if low_limit == 0 and high_limit & (high_limit + 1) == 0:
        # to 0..2**k-1: the upper bits saturate, the sign clears
        k = high_limit.bit_length()
        over = logic.any_(bits[k:-1]) if high > high_limit else FALSE
        negative = bits[-1] if low < 0 else FALSE
        return [logic.and_(logic.or_(b, over), negative ^ 1) for b in bits[:k]]
    signed = low < 0 or low_limit < 0
    if low < low_limit:
        floor = constant_bits(low_limit, width)
        keep = _not_less(logic, bits, floor, signed)
        bits = [logic.mux(keep, b, f) for b, f in zip(bits, floor)]
    if high > high_limit:
        roof = constant_bits(high_limit, width)
        keep = _not_less(logic, roof, bits, signed)
        bits = [logic.mux(keep, b, r) for b, r in zip(bits, roof)]
    return bits


def _shr(c: _Context, operands: list[int]) -> Bits:
    bits, amount = c.of(operands[0]), c.params[0]
    return bits[amount:] or [bits[-1] if c.words.signed[operands[0]] else FALSE]


def _field(c: _Context, operands: list[int]) -> Bits:
    low, width = c.params
    return c.of(operands[0], low + width)[low:]


def _table(c: _Context, operands: list[int]) -> Bits:
    """Each output bit by Shannon expansion on the operand's bits, values out of range as don't-cares (repeated)."""
    table, base = c.params
    entries = c.words.tables[table]
    inputs = c.of(operands[0])
    if len(inputs) > 12:
        raise InternalError(f"a table of {len(inputs)} bits is too large to print")
    signed = bool(c.words.signed[operands[0]])
    codes = np.arange(1 << len(inputs))
    values = np.where(signed & (codes >= 1 << (len(inputs) - 1)), codes - (1 << len(inputs)), codes)
    index = np.clip(values - base, 0, len(entries) - 1)
    out = []
    for b in range(int(c.words.bits[c.node])):
        out.append(_shannon(c.logic, inputs, tuple((entries[index] >> b & 1).tolist()), {}))
    return out


def _shannon(logic: Logic, inputs: Bits, column: tuple[int, ...], known: dict[tuple[int, ...], int]) -> int:
    if not any(column):
        return FALSE
    if all(column):
        return TRUE
    found = known.get(column)
    if found is None:
        half = len(column) // 2
        zero = _shannon(logic, inputs[:-1], column[:half], known)
        one = _shannon(logic, inputs[:-1], column[half:], known)
        found = known[column] = logic.mux(inputs[-1], one, zero)
    return found


def _register(c: _Context, operands: list[int]) -> Bits:
    raise InternalError("a combinational circuit has no registers inside")


_RULES: dict[Kind, Callable[[_Context, list[int]], Bits]] = {
    Kind.CONST: _const,
    Kind.SUM: _sum,
    Kind.MUL: _mul,
    Kind.GE: _ge,
    Kind.EQ: _eq,
    Kind.MUX: _mux,
    Kind.MIN: _extreme(False),
    Kind.MAX: _extreme(True),
    Kind.CLAMP: _clamp,
    Kind.SHR: _shr,
    Kind.BITS: _field,
    Kind.TABLE: _table,
    Kind.REG: _register,
}
