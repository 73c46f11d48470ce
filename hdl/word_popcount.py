"""Popcount: how many of n bits are set, as rounds of 6:3 compressors side by side and one adder; one cell a size.

Equal compressors of a round are one operation on words of up to 64 bits (lane i of every word belongs to compressor
i): a simulator then works on whole machine words, and files hold a twentieth of the signals. Yosys does not end on
thousands of flat small adders; a shared module is synthesised once, however many neurons use it.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Signal, Value

LANES = 64
"""Compressors in one word."""

PASS = 12
"""Columns of so many bits hand the up to five that are left over to the next round, where they fill a six."""


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
        columns: list[Value] = [self.x]
        step = 0
        # Wallace-style rounds: six bits of a weight become one bit of each of three weights (three LUT6 a group).
        while max(len(c) for c in columns) > 2:
            below: list[list[Value]] = [[] for _ in range(len(columns) + 2)]
            for weight, column in enumerate(columns):
                place = 0
                for count, lanes in _groups(len(column)):
                    words = [column[place + k * lanes : place + (k + 1) * lanes] for k in range(count)]
                    place += count * lanes
                    if count < 3 or (count < 6 and len(column) >= PASS):
                        below[weight] += words
                        continue
                    for k, word in enumerate(_count(m, words, f"c{step}_{weight}_{place}")):
                        below[weight + k].append(word)
            while below and not below[-1]:
                below.pop()
            columns = [Cat(*words) for words in below]
            step += 1
        rows = [Cat(*(c[i] if len(c) > i else 0 for c in columns)) for i in range(2)]
        m.d.comb += self.y.eq(rows[0] + rows[1] if max(len(c) for c in columns) > 1 else rows[0])
        return m


def _groups(size: int) -> list[tuple[int, int]]:
    """Cut a column into (inputs, lanes): sixes, at most 64 side by side; what is left is one group, or passes."""
    sixes, rest = divmod(size, 6)
    found = [(6, LANES)] * (sixes // LANES)
    if sixes % LANES:
        found.append((6, sixes % LANES))
    return found + ([(rest, 1)] if rest else [])


def _count(m: Module, words: list[Value], name: str) -> list[Value]:
    """In every lane the number of ones of three to six bits, as two levels of logic that a LUT6 an output covers."""

    def let(suffix: str, value: Value) -> Value:
        wire = Signal(len(words[0]), name=f"{name}_{suffix}")
        m.d.comb += wire.eq(value)
        return wire

    def add(a: Value, b: Value, c: Value, suffix: str) -> tuple[Value, Value]:
        return let(f"{suffix}0", a ^ b ^ c), let(f"{suffix}1", (a & b) | (c & (a | b)))

    low, high = add(words[0], words[1], words[2], "a")
    rest = words[3:]
    if not rest:
        return [low, high]
    if len(rest) == 1:
        other, more = rest[0], None
    elif len(rest) == 2:
        other, more = let("b0", rest[0] ^ rest[1]), let("b1", rest[0] & rest[1])
    else:
        other, more = add(rest[0], rest[1], rest[2], "b")
    carry = let("k", low & other)
    if more is None:
        return [let("y0", low ^ other), let("y1", high ^ carry), let("y2", high & carry)]
    return [
        let("y0", low ^ other),
        let("y1", high ^ more ^ carry),
        let("y2", (high & more) | (carry & (high | more))),
    ]
