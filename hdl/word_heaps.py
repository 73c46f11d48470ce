"""Adders without carry chains: the bits of all operands as one heap, compressed to a word by counters of LUT6.

A counter reads up to six bits of a column and the ones above it and writes their weighted number, one LUT an output
bit (generalised parallel counters: Meo, "Arithmetic networks and their minimization using a new line of elementary
units", IEEE Trans. Comp. 1975; Parandeh-Afshar, Brisk, Ienne, ASP-DAC 2008). Columns are finished from the lowest on,
so that a counter also takes the carries of the one below: a (6;3) or (5,1;3) counter removes three bits by three LUTs,
which makes four operands one word for three LUTs a bit, where three ripple adders take four and a half. Constants,
inversions and sign extensions are part of the LUTs' tables: -x adds the complement and a constant, and so does a sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value

from nc.hdl.word_adders import AdderCell, AdderShape

INPUTS = 6
GAIN = {2: -1.5, 3: -0.5, 4: -0.5, 5: 0.5, 6: 0.5}
"""Bits that a counter of so many bits of its column removes, with those above it that still fit three outputs, less the
2.5 that three LUTs remove on average."""

Literal = tuple[int, bool]
"""(net, inverted)"""


@dataclass(frozen=True)
class Counter:
    """`outputs[k]` (nets) = bit k of constant + sum of literal << weight, k counted from the counter's own column."""

    inputs: tuple[tuple[Literal, int], ...]
    constant: int
    outputs: tuple[int, ...]

    def table(self, k: int) -> int:
        """The truth table of output k: entry i for the nets' values as bits of i."""
        table = 0
        for i in range(1 << len(self.inputs)):
            total = self.constant
            for place, ((_, inverted), weight) in enumerate(self.inputs):
                total += ((i >> place & 1) ^ inverted) << weight
            table |= (total >> k & 1) << i
        return table


@dataclass(frozen=True)
class Heap:
    """How a shape is made: nets 0 .. len(sources) - 1 are bits of operands (operand, bit), further ones LUTs.

    `result[c]`: the literal of bit c, or a constant 0 or 1. `luts`, `depth`: LUTs in all and on the longest path.
    """

    sources: tuple[tuple[int, int], ...]
    counters: tuple[Counter, ...]
    result: tuple[Literal | int, ...]
    luts: int
    depth: int


class _Columns:
    """The heap while it is compressed: literals by column, a constant, the time at which each net is ready."""

    def __init__(self, shape: AdderShape) -> None:
        self.width = shape.width
        self.bits: list[list[Literal]] = [[] for _ in range(shape.width)]
        self.constant = 0
        self.sources: list[tuple[int, int]] = []
        self.ready: list[int] = []
        self.counters: list[Counter] = []
        variable = 0
        for operand in shape.operands:
            if operand.value is not None:
                self.constant += operand.value
                continue
            for bit in range(operand.width):
                self._source(
                    variable, bit, operand.shift + bit, operand.neg, operand.signed and bit == operand.width - 1
                )
            variable += 1
        self.constant %= 1 << shape.width

    def _source(self, variable: int, bit: int, column: int, neg: bool, sign: bool) -> None:
        """+-b << column; -b = (not b) - 1, and the sign bit of a word counts negatively."""
        if column >= self.width:
            return
        inverted = neg != sign
        self.constant -= inverted << column
        self.bits[column].append((len(self.sources), inverted))
        self.sources.append((variable, bit))
        self.ready.append(0)

    def take(self, column: int, count: int) -> list[Literal]:
        """The bits of a column that are ready first."""
        found = sorted(self.bits[column], key=lambda literal: (self.ready[literal[0]], literal))
        self.bits[column] = found[count:]
        return found[:count]

    def constant_bit(self, column: int) -> int:
        """The constant of a column, taken out."""
        bit = self.constant >> column & 1
        self.constant -= bit << column
        return bit

    def count(self, column: int, taken: Sequence[tuple[Literal, int]], constant: int) -> None:
        """Put a counter whose lowest weight is `column`, its outputs back into the heap."""
        most = constant + sum(1 << weight for _, weight in taken)
        size = min(most.bit_length(), self.width - column)
        first = len(self.ready)
        time = 1 + max(self.ready[net] for (net, _), _ in taken)
        self.ready += [time] * size
        self.counters.append(Counter(tuple(taken), constant, tuple(range(first, first + size))))
        for k in range(size):
            self.bits[column + k].append((first + k, False))


@cache
def plan(shape: AdderShape) -> Heap:
    """Counters for a shape, the lowest column first."""
    heap = _Columns(shape)
    result: list[Literal | int] = []
    for column in range(shape.width):
        _finish(heap, column)
        left, constant = heap.bits[column], heap.constant_bit(column)
        if not left:
            result.append(constant)
            continue
        (literal,) = left
        net, inverted = literal
        if constant and column + 1 < shape.width:
            heap.bits[column + 1].append(literal)  # b + 1: the sum is not b, the carry is b
        result.append((net, inverted != bool(constant)))
    return _used(heap, result)


def _finish(heap: _Columns, column: int) -> None:
    """Counters until one bit is left in the column."""
    above = heap.width - column - 1
    while len(heap.bits[column]) > 1:
        height = len(heap.bits[column])
        if above == 0:
            taken = [(literal, 0) for literal in heap.take(column, INPUTS)]
        elif height == 2 and _single(heap, column + 1):
            taken = _increment(heap, column)
        else:
            taken = [(literal, 0) for literal in heap.take(column, _part(height))]
            constant = heap.constant >> column & 1
            room = 7 - constant - len(taken) if above > 1 else 2 * INPUTS
            while len(taken) < INPUTS and room >= 2 and heap.bits[column + 1]:
                taken += [(literal, 1) for literal in heap.take(column + 1, 1)]
                room -= 2
        heap.count(column, taken, heap.constant_bit(column) if len(taken) else 0)


def _single(heap: _Columns, column: int) -> bool:
    return len(heap.bits[column]) <= 1


def _increment(heap: _Columns, column: int) -> list[tuple[Literal, int]]:
    """Two bits below columns of one each: a carry runs through as many as a LUT can read."""
    taken = [(literal, 0) for literal in heap.take(column, 2)]
    for weight in range(1, INPUTS - 1):
        at = column + weight
        if at >= heap.width or len(heap.bits[at]) != 1 or heap.constant >> at & 1:
            break
        taken += [(literal, weight) for literal in heap.take(at, 1)]
    return taken


@cache
def _parts(height: int) -> tuple[float, tuple[int, ...]]:
    """The best way to leave one bit of a column: (gain, sizes of counters); each puts one bit back."""
    if height == 1:
        return 0.0, ()
    found = []
    for size, gain in GAIN.items():
        if size <= height:
            rest, sizes = _parts(height - size + 1)
            found.append((gain + rest, (size, *sizes)))
    return max(found)


def _part(height: int) -> int:
    if height > 40:
        return INPUTS
    return max(_parts(height)[1])


def _used(heap: _Columns, result: Sequence[Literal | int]) -> Heap:
    """Number LUTs; outputs that nobody reads are no LUTs."""
    read = {literal[0] for literal in result if not isinstance(literal, int)}
    for counter in reversed(heap.counters):
        if read.intersection(counter.outputs):
            read.update(net for (net, _), _ in counter.inputs)
    luts = sum(net in read for counter in heap.counters for net in counter.outputs)
    luts += sum(not isinstance(literal, int) and literal[1] for literal in result)
    depth = max((heap.ready[literal[0]] for literal in result if not isinstance(literal, int)), default=0)
    return Heap(tuple(heap.sources), tuple(heap.counters), tuple(result), luts, depth)


class HeapAdder(AdderCell):
    """The shape in LUT1 .. LUT6 primitives; the same ports as `Adder`."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        heap = plan(self.shape)
        nets: list[Value] = [self.x[variable][bit] for variable, bit in heap.sources]
        read = {literal[0] for literal in heap.result if not isinstance(literal, int)}
        read |= {net for counter in heap.counters for (net, _), _ in counter.inputs}
        for counter in heap.counters:
            inputs = [nets[net] for (net, _), _ in counter.inputs]
            for k, net in enumerate(counter.outputs):
                out = Signal(name=f"n{net}")
                nets.append(out)
                if net in read:
                    lut(m, f"lut{net}", inputs, counter.table(k), out)
        parts: list[Value] = []
        for column, literal in enumerate(heap.result):
            if isinstance(literal, int):
                parts.append(Const(literal, 1))
                continue
            net, inverted = literal
            if inverted:
                out = Signal(name=f"inverted{column}")
                lut(m, f"invert{column}", [nets[net]], 0b01, out)
                parts.append(out)
            else:
                parts.append(nets[net])
        m.d.comb += self.y.eq(Cat(*parts))
        return m


def lut(m: Module, name: str, inputs: Sequence[Value], table: int, out: Signal) -> None:
    """A LUT of the inputs that the table depends on; a wire or a constant where that is all it is."""
    kept = [i for i in range(len(inputs)) if _depends(table, i, len(inputs))]
    rows = 1 << len(kept)

    def source(row: int) -> int:
        return sum((row >> place & 1) << i for place, i in enumerate(kept))

    small = sum((table >> source(row) & 1) << row for row in range(rows))
    if not kept:
        m.d.comb += out.eq(small)
        return
    if len(kept) == 1 and small == 0b10:
        m.d.comb += out.eq(inputs[kept[0]])
        return
    ports = {f"i_I{place}": inputs[i] for place, i in enumerate(kept)}
    m.submodules[name] = Instance(f"LUT{len(kept)}", p_INIT=Const(small, rows), o_O=out, **ports)


def _depends(table: int, i: int, size: int) -> bool:
    return any((table >> row ^ table >> (row ^ 1 << i)) & 1 for row in range(1 << size))
