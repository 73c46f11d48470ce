"""Popcount: how many of n bits are set, as a tree of 6:3 compressors and a multi-operand sum; one cell a size.

Yosys does not end on thousands of flat small adders; a shared module is synthesised once, however many neurons use it.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Signal, Value


class Popcount(Elaboratable):
    """`y` = number of ones of `x` (n bits)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.x = Signal(size, name="x")
        self.y = Signal(size.bit_length(), name="y")

    @property
    def ports(self) -> dict[str, Signal]:
        return {"x": self.x, "y": self.y}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns: list[list[Value]] = [list(self.x)]
        step = 0
        # Wallace-style rounds: six bits of a weight become one bit of each of three weights (three LUT6 a group).
        while max(len(c) for c in columns) > 2:
            below: list[list[Value]] = [[] for _ in range(len(columns) + 2)]
            for weight, column in enumerate(columns):
                groups = _groups(len(column))
                place = 0
                for count in groups:
                    bits = column[place : place + count]
                    place += count
                    if count < 3:
                        below[weight] += bits
                        continue
                    total = Signal(count.bit_length(), name=f"c{step}_{weight}_{place}")
                    m.d.comb += total.eq(_count(m, bits, total.name))
                    for k in range(len(total)):
                        below[weight + k].append(total[k])
            while below and not below[-1]:
                below.pop()
            columns = below
            step += 1
        rows = [Cat(*(c[i] if len(c) > i else 0 for c in columns)) for i in range(2)]
        m.d.comb += self.y.eq(rows[0] + rows[1] if len(columns) > 1 or len(columns[0]) > 1 else rows[0])
        return m


def _groups(count: int) -> list[int]:
    """Cut a column into sixes; what is left over becomes a 3..5-bit group, or passes."""
    sixes, rest = divmod(count, 6)
    return [6] * sixes + ([rest] if rest else [])


def _count(m: Module, bits: list[Value], name: str) -> Value:
    """The number of ones of three to six bits as two levels of logic that a LUT6 an output covers."""
    half = Signal(2, name=f"{name}_a")
    m.d.comb += half.eq(Cat(bits[0] ^ bits[1] ^ bits[2], (bits[0] & bits[1]) | (bits[2] & (bits[0] | bits[1]))))
    if len(bits) == 3:
        return half
    total: Value = half
    rest = bits[3:]
    other = Signal(2, name=f"{name}_b")
    if len(rest) == 3:
        m.d.comb += other.eq(Cat(rest[0] ^ rest[1] ^ rest[2], (rest[0] & rest[1]) | (rest[2] & (rest[0] | rest[1]))))
    elif len(rest) == 2:
        m.d.comb += other.eq(Cat(rest[0] ^ rest[1], rest[0] & rest[1]))
    else:
        m.d.comb += other.eq(rest[0])
    carry = total[0] & other[0]
    return Cat(
        total[0] ^ other[0],
        total[1] ^ other[1] ^ carry,
        (total[1] & other[1]) | (carry & (total[1] | other[1])),
    )
