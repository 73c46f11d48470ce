"""Adders of two or three shifted, signed operands: one cell a shape, behavioural, and mapped to Xilinx LUT6_2 + CARRY8.

A ternary adder takes one LUT a bit on Xilinx parts (Simkins and Young, US patent 7,274,211, expired 2025): LUT i makes
t = a ^ b ^ c ^ m[i-1] on O6 and m[i] = majority(a, b, c) on O5; the carry chain adds t and m. Yosys does not find
this by itself, so the shapes are cells, and `hdl/cells_xilinx.v` holds the same cells in terms of primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from amaranth.hdl import Cat, Const, Elaboratable, Instance, Module, Shape, Signal, Value, signed


@dataclass(frozen=True, order=True)
class Operand:
    """A word of `width` bits, shifted left, maybe subtracted. Constants are operands with `value`."""

    width: int
    signed: bool
    shift: int = 0
    neg: bool = False
    value: int | None = None

    @property
    def name(self) -> str:
        if self.value is not None:
            return f"c{'m' if self.value < 0 else ''}{abs(self.value)}"
        return f"{'s' if self.signed else 'u'}{self.width}" + f"l{self.shift}" * (self.shift > 0) + "n" * self.neg


@dataclass(frozen=True)
class AdderShape:
    """The sum of `operands` modulo 2**width; ports x0, x1, ... for the variable ones, y for the result."""

    width: int
    operands: tuple[Operand, ...]

    @property
    def name(self) -> str:
        return "_".join([f"add{self.width}", *(o.name for o in self.operands)])

    @property
    def variables(self) -> tuple[Operand, ...]:
        return tuple(o for o in self.operands if o.value is None)

    @cached_property
    def luts(self) -> int:
        """LUT sites of the Xilinx form."""
        return sum(p.lut is not None for p in positions(self))

    @cached_property
    def chain(self) -> int:
        """Bits of carry chain of the Xilinx form."""
        return sum(p.chained for p in positions(self))


class AdderCell(Elaboratable):
    """Base of every form of a shape: ports x0, x1, ... and y."""

    def __init__(self, shape: AdderShape) -> None:
        self.shape = shape
        self.x = [Signal(Shape(o.width, o.signed), name=f"x{i}") for i, o in enumerate(shape.variables)]
        self.y = Signal(shape.width, name="y")

    @property
    def ports(self) -> dict[str, Signal]:
        return {signal.name: signal for signal in (*self.x, self.y)}


class Adder(AdderCell):
    """The behaviour of a shape: what the other forms are proved against."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = iter(self.x)
        plus: list[Value] = []
        minus: list[Value] = []
        for operand in self.shape.operands:
            if operand.value is not None:
                plus.append(Const(operand.value, signed(max(1, operand.value.bit_length() + 1))))
            else:
                (minus if operand.neg else plus).append(next(words).shift_left(operand.shift))
        total = plus[0] if plus else Const(0)
        for term in plus[1:]:
            total = total + term
        for term in minus:
            total = total - term
        m.d.comb += self.y.eq(total)
        return m


Bit = tuple[int, int, bool] | int
"""A bit of an operand: (variable operand, its bit, inverted), or the constant 0 or 1."""


@dataclass(frozen=True)
class Position:
    """One bit of the Xilinx form: what feeds the chain, and which LUT that takes (None: a wire or a constant).

    `lut` is the tuple of distinct literals it reads (majority of the bit below included as its three literals'
    own LUT output, marked by -1); `chained` says whether the bit needs the carry chain at all.
    """

    bits: tuple[Bit, ...]
    lut: tuple[Bit, ...] | None
    dual: bool
    chained: bool


def _start(shape: AdderShape) -> int:
    """Lowest bit of the chain: below it at most one operand, not negated, has bits."""
    lows = sorted((_low(o), o.neg) for o in shape.operands)
    if lows[0][1] or len(lows) == 1:
        return lows[0][0]
    return min(lows[1][0], min((low for low, neg in lows if neg), default=lows[1][0]))


def _low(operand: Operand) -> int:
    if operand.value is None:
        return operand.shift
    return (operand.value & -operand.value).bit_length() - 1


def operand_bit(operand: Operand, variable: int, at: int) -> Bit:
    """Bit `at` of the operand as a word that is added: negated ones are inverted, the + 1 comes by the carry."""
    if operand.value is not None:
        return (operand.value >> at) & 1
    if at < operand.shift or (at >= operand.shift + operand.width and not operand.signed):
        return int(operand.neg)
    return (variable, min(at - operand.shift, operand.width - 1), operand.neg)


def _columns(shape: AdderShape) -> list[tuple[Bit, ...]]:
    numbers = iter(range(len(shape.variables)))
    owners = [next(numbers) if o.value is None else -1 for o in shape.operands]
    return [tuple(operand_bit(o, v, at) for o, v in zip(shape.operands, owners)) for at in range(shape.width)]


def _variables(bits: Sequence[Bit]) -> list[tuple[int, int, bool]]:
    return [b for b in bits if not isinstance(b, int)]


def _carry_kind(bits: Sequence[Bit]) -> str:
    """What the majority of a column is: '0', '1', 'wire' (one literal) or 'lut'."""
    free, ones = _variables(bits), sum(b for b in bits if isinstance(b, int))
    if len(free) + ones < 2:
        return "0"
    if ones >= 2:
        return "1"
    return "wire" if len(free) == 1 else "lut"


def positions(shape: AdderShape) -> list[Position]:
    """How each bit of the Xilinx form is made."""
    start, columns = _start(shape), _columns(shape)
    ternary = len(shape.operands) > 2
    found = []
    before = "0"
    for at, bits in enumerate(columns):
        if at < start:
            found.append(Position(bits, None, False, False))
            continue
        free = _variables(bits)
        kind = _carry_kind(bits) if ternary else "0"
        dual = kind == "lut" and at + 1 < shape.width
        inputs = len(free) + (before in ("lut", "wire"))
        single_wire = inputs == 1 and len(free) == 1 and not _inverted(bits, before)
        needs = dual or not (inputs == 0 or single_wire)
        found.append(Position(bits, tuple(free) if needs else None, dual, True))
        before = kind
    return found


def _inverted(bits: Sequence[Bit], before: str) -> bool:
    """Whether a column of one literal reaches the chain inverted."""
    (literal,) = _variables(bits)
    ones = sum(b for b in bits if isinstance(b, int)) + (before == "1")
    return literal[2] != bool(ones & 1)


class XilinxAdder(AdderCell):
    """The shape in LUT6_2 and CARRY8 primitives; the same ports as `Adder`."""

    def _wire(self, bit: Bit) -> Value:
        return Const(bit, 1) if isinstance(bit, int) else self.x[bit[0]][bit[1]]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        start = _start(self.shape)
        negative = sum(o.neg for o in self.shape.operands)
        ternary = len(self.shape.operands) > 2
        for at, bits in enumerate(_columns(self.shape)[:start]):
            # The ones below a negated operand's shift cancel against its + 1, which enters at `start`.
            plain = [b for b, o in zip(bits, self.shape.operands) if not o.neg and b != 0]
            m.d.comb += self.y[at].eq(self._wire(plain[0]) if plain else Const(0, 1))
        select: list[Value] = []
        data: list[Value] = []
        below: Value = Const(int(negative > 1), 1)
        for at, place in enumerate(positions(self.shape)[start:], start=start):
            free = _variables(place.bits)
            ones = sum(b for b in place.bits if isinstance(b, int))
            majority: Value = Const(0, 1)
            kind = _carry_kind(place.bits) if ternary else "0"
            if kind == "1":
                majority = Const(1, 1)
            elif kind == "lut" and at + 1 < self.shape.width:
                majority = Signal(name=f"m{at}")
            elif kind == "wire":
                (literal,) = free
                majority = ~self._wire(literal) if literal[2] else self._wire(literal)
            inputs = [self._wire(b) for b in free]
            flips = [b[2] for b in free]
            constant_below = isinstance(below, Const)
            parity = ones + (below.value if isinstance(below, Const) else 0)
            if not constant_below:
                inputs, flips = [*inputs, below], [*flips, False]

            def propagate(values: Sequence[int], flips: Sequence[bool] = tuple(flips), parity: int = parity) -> int:
                return (sum(v ^ f for v, f in zip(values, flips)) + parity) & 1

            def carry(
                values: Sequence[int], flips: Sequence[bool] = tuple(flips), n: int = len(free), ones: int = ones
            ) -> int:
                return int(sum(v ^ f for v, f in zip(values[:n], flips[:n])) + ones >= 2)

            if place.lut is None:
                flipped = bool(parity & 1) != any(flips)
                select.append(Const(parity & 1, 1) if not inputs else ~inputs[0] if flipped else inputs[0])
            else:
                out = Signal(name=f"t{at}")
                select.append(out)
                _lut(m, f"lut{at}", inputs, propagate, out, carry if place.dual else None, majority)
            if ternary:
                data.append(below)
            else:
                # Both bits agree where the chain does not propagate, so either one is the carry.
                data.append(Const(int(ones == 2), 1) if not free else self._literal(m, place.bits, at))
            below = majority
        self._chain(m, start, select, data, int(negative > 0))
        return m

    def _literal(self, m: Module, bits: Sequence[Bit], at: int) -> Value:
        """A bit of a two-operand column that equals its carry when the column does not propagate, preferably plain."""
        if any(b == 0 for b in bits):
            return Const(0, 1)
        if any(b == 1 for b in bits):
            return Const(1, 1)
        plain = [b for b in _variables(bits) if not b[2]]
        if plain:
            return self._wire(plain[0])
        return ~self._wire(bits[0])

    def _chain(self, m: Module, start: int, select: list[Value], data: list[Value], carry_in: int) -> None:
        carry: Value = Const(carry_in, 1)
        for first in range(0, len(select), 8):
            part = slice(first, first + 8)
            count = len(select[part])
            out, carries = Signal(8, name=f"o{first}"), Signal(8, name=f"co{first}")
            pad = [Const(0, 1)] * (8 - count)
            m.submodules[f"carry{first}"] = Instance(
                "CARRY8", p_CARRY_TYPE="SINGLE_CY8", i_CI=carry, i_CI_TOP=Const(0, 1), i_S=Cat(*select[part], *pad),
                i_DI=Cat(*data[part], *pad), o_O=out, o_CO=carries,
            )  # fmt: skip
            m.d.comb += self.y[start + first : start + first + count].eq(out[:count])
            carry = carries[7]


def _lut(
    m: Module,
    name: str,
    inputs: Sequence[Value],
    six: Callable[[Sequence[int]], int],
    out: Value,
    five: Callable[[Sequence[int]], int] | None,
    second: Value,
) -> None:
    """A LUT of the size needed; LUT6_2 (I5 = 1: O6 is the upper half, O5 the lower) when it has two outputs."""
    size = len(inputs)
    rows = [values[::-1] for values in product((0, 1), repeat=size)]
    table = sum(six(values) << i for i, values in enumerate(rows))
    if five is None:
        ports = {f"i_I{i}": wire for i, wire in enumerate(inputs)}
        m.submodules[name] = Instance(f"LUT{size}", p_INIT=Const(table, 1 << size), o_O=out, **ports)
        return
    both = sum(five(values) << i for i, values in enumerate(rows))
    # The tables repeat over the unused inputs, which are tied low.
    init = 0
    for i in range(32):
        index = i & ((1 << size) - 1)
        init |= ((both >> index) & 1) << i | ((table >> index) & 1) << (32 + i)
    ports = {f"i_I{i}": inputs[i] if i < size else Const(0, 1) for i in range(5)}
    m.submodules[name] = Instance("LUT6_2", p_INIT=Const(init, 64), i_I5=Const(1, 1), o_O6=out, o_O5=second, **ports)
