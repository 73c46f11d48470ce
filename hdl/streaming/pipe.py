"""What the components share: packed token ports, pipelines that move as one, nested loops, read-only memories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import IntArray, Stream
from nc.ir.types import IntType, bits_for

A = TypeVar("A", bound=Actor)


class Component(wiring.Component, Generic[A]):
    """The hardware of an actor: streams in `i0`, `i1`, ..., streams out `o0`, ...: valid, ready, packed lanes."""

    def __init__(self, actor: A, inputs: Sequence[Stream]) -> None:
        self.actor, self.inputs = actor, tuple(inputs)
        self.outs = actor.outputs(*inputs)
        ports: dict[str, Any] = {f"i{k}": In(stream.Signature(unsigned(s.width))) for k, s in enumerate(self.inputs)}
        ports |= {f"o{k}": Out(stream.Signature(unsigned(s.width))) for k, s in enumerate(self.outs)}
        super().__init__(ports)

    def input(self, k: int) -> Any:
        return getattr(self, f"i{k}")

    def output(self, k: int) -> Any:
        return getattr(self, f"o{k}")


def shape(kind: IntType) -> Shape:
    return Shape(kind.bits, kind.signed)


def lanes(payload: Value, kind: IntType, count: int) -> list[Value]:
    """The integers of a token."""
    parts = [payload[k * kind.bits : (k + 1) * kind.bits] for k in range(count)]
    return [p.as_signed() if kind.signed else p for p in parts]


def pack(values: Sequence[Value], kind: IntType) -> Value:
    """Integers as a token, each in the width of `kind`."""
    return Cat(*(fit(v, kind.bits) for v in values))


def fit(value: Value, bits: int) -> Value:
    """The low bits of a value, sign-extended where it is shorter."""
    missing = bits - len(value)
    if missing <= 0:
        return value[:bits]
    top = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, *([top] * missing))


class Pipe:
    """`delay` stages that move together: `enable` is low while a token at the end waits for its reader.

    `valid[k]`: stage k + 1 holds something that will come out.
    """

    def __init__(self, m: Module, out: Any, delay: int) -> None:
        self.m, self.delay = m, delay
        self.enable = Signal(name="enable")
        self.valid = Signal(delay, name="stage_valid")
        m.d.comb += [out.valid.eq(self.valid[-1]), self.enable.eq(~self.valid[-1] | out.ready)]

    def advance(self, gives: Value) -> None:
        """`gives`: the step of this clock (if any) puts a token into the pipeline."""
        with self.m.If(self.enable):
            self.m.d.sync += self.valid.eq(Cat(gives, self.valid)[: self.delay])

    def follow(self, value: Value, stages: int, name: str) -> Value:
        """The value as it was `stages` stages earlier."""
        for k in range(stages):
            later = Signal(value.shape(), name=f"{name}_{k + 1}", reset_less=True)
            with self.m.If(self.enable):
                self.m.d.sync += later.eq(value)
            value = later
        return value


class Loops:
    """Nested counters, outermost first, that step with `go`; `ends[k]`: this step is the last of loops k and below."""

    def __init__(self, m: Module, counts: Sequence[int], go: Value, name: str = "loop") -> None:
        self.m, self.counts, self.go = m, tuple(counts), go
        self.index: list[Value] = []
        self.ends: list[Value] = []
        for k, count in enumerate(counts):
            self.index.append(Signal(range(count), name=f"{name}{k}") if count > 1 else Const(0, 1))
        below: Value = Const(1, 1)
        for k in range(len(counts) - 1, -1, -1):
            last = below
            if counts[k] > 1:
                last = Signal(name=f"{name}{k}_ends")
                m.d.comb += last.eq((self.index[k] == counts[k] - 1) & below)
                with m.If(go & below):
                    m.d.sync += self.index[k].eq(Mux(last, 0, self.index[k] + 1))
            self.ends.insert(0, last)
            below = last

    @property
    def end(self) -> Value:
        """This step is the last of all."""
        return self.ends[0]

    def first(self, level: int, name: str) -> Value:
        """All loops from `level` inwards are at their first step."""
        if all(count == 1 for count in self.counts[level:]):
            return Const(1, 1)
        signal = Signal(init=1, name=name)
        with self.m.If(self.go):
            self.m.d.sync += signal.eq(self.ends[level])
        return signal

    def first_of(self, level: int) -> Value:
        """Loop `level` is at its first step."""
        return self.index[level] == 0

    def affine(self, strides: Sequence[int], start: int, name: str, *, modulus: int = 0, wrap: int = 0) -> Signal:
        """A register that holds start + sum of index * stride, by one addition a step; after the last step `wrap` is
        added to the start. With a modulus, the residue."""
        counts = self.counts
        reach = sum((n - 1) * s for n, s in zip(counts, strides) if s > 0)
        least = start + sum((n - 1) * s for n, s in zip(counts, strides) if s < 0)
        kind: Shape = Shape.cast(range(modulus)) if modulus else _holding(least, start + reach)
        value = Signal(kind, init=start % modulus if modulus else start, name=name)
        # What is added when loop k advances and all below it start over.
        back = 0
        deltas: list[int] = []
        for k in range(len(counts) - 1, -1, -1):
            deltas.insert(0, strides[k] - back)
            back += (counts[k] - 1) * strides[k]
        deltas.insert(0, wrap - back)
        by_level = {-1: deltas[0]} | {k: deltas[k + 1] for k in range(len(counts)) if counts[k] > 1}
        if modulus:
            by_level = {k: d % modulus for k, d in by_level.items()}
        if len(set(by_level.values())) == 1 and not any(by_level.values()):
            return value
        spread = list(by_level.values())
        delta = Signal(_holding(min(spread), max(spread)), name=f"{name}_delta")
        moved: Value = Const(by_level[-1], delta.shape())
        for k in sorted(k for k in by_level if k >= 0):
            moved = Mux(self.ends[k], moved, Const(by_level[k], delta.shape()))
        self.m.d.comb += delta.eq(moved)
        total = value + delta
        with self.m.If(self.go):
            if modulus:
                self.m.d.sync += value.eq(Mux(total >= modulus, total - modulus, total))
            else:
                self.m.d.sync += value.eq(total)
        return value


def _holding(low: int, high: int) -> Shape:
    low, high = min(low, 0), max(high, 0)
    return Shape(bits_for(low, high), low < 0)


def rom(m: Module, name: str, rows: IntArray, enable: Value, address: Value) -> list[Value]:
    """Row `address` of an array (depth, numbers), one clock later: a memory, or constants where there is one row."""
    kinds = [_of(rows[:, k]) for k in range(rows.shape[1])]
    if len(rows) == 1:
        return [Const(int(v), kind) for v, kind in zip(rows[0], kinds)]
    words = np.zeros(len(rows), object)
    place = 0
    for k, kind in enumerate(kinds):
        words += (rows[:, k].astype(object) & ((1 << kind.width) - 1)) << place
        place += kind.width
    memory = Memory(shape=unsigned(place), depth=len(rows), init=[int(w) for w in words])
    m.submodules[name] = memory
    port = memory.read_port()
    m.d.comb += [port.addr.eq(address), port.en.eq(enable)]
    found, place = [], 0
    for kind in kinds:
        part = port.data[place : place + kind.width]
        found.append(part.as_signed() if kind.signed else part)
        place += kind.width
    return found


def _of(values: IntArray) -> Shape:
    low, high = int(values.min()), int(values.max())
    return signed(bits_for(low, high)) if low < 0 else unsigned(bits_for(low, high))
