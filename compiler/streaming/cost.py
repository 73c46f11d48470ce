"""What a dataflow takes of a device, estimated actor by actor: 4-input LUTs, flip-flops, block RAMs, DSP blocks.

The coefficients are fits to what Yosys 0.70 makes of the components; `docs/fpga.md` has estimates beside results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.compiler.streaming.blocks import Family, blocks, dsps, in_blocks
from nc.ir.dataflow import (
    ArgMax,
    Buffer,
    Dataflow,
    Fork,
    Gather,
    MatVec,
    Reduce,
    Scatter,
    Staircase,
    Stream,
    Taps,
    Words,
)
from nc.ir.dataflow.graph import SMALL, WIRE
from nc.ir.words import Kind, WordGraph


@dataclass(frozen=True)
class Cost:
    luts: float = 0.0
    ffs: float = 0.0
    brams: int = 0
    dsps: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.luts + other.luts, self.ffs + other.ffs, self.brams + other.brams, self.dsps + other.dsps
        )  # fmt: skip


def cost(flow: Dataflow, family: Family) -> Cost:
    """The sum over all actors and FIFOs."""
    total = Cost()
    for node in flow.nodes:
        inputs = flow.inputs(node)
        total += COSTS[type(node.actor)](node.actor, inputs, family)
        for stream, depth in zip(inputs, node.depths):
            total += fifo(stream.width, depth, family)
    return total + fifo(flow.result.width, flow.output_depth, family)


ROM_LUTS = 0.09
"""LUTs a bit of a read-only memory in logic."""


def memory(width: int, depth: int, family: Family, *, rom: bool) -> Cost:
    """A memory with one read port, in blocks or in logic."""
    if depth <= 1 or width == 0:
        return Cost()
    if in_blocks(width, depth, family, rom=rom):
        count, banks = blocks(width, depth, family)
        # A writable one has the word that is being written beside it, in case it is read.
        return Cost(width * ((banks - 1) * 0.5 + (0 if rom else 0.5)), 0 if rom else 1.9 * width, brams=count)
    if rom:
        return Cost(width * depth * ROM_LUTS + width * 0.1, width)
    if family.lut_ram:  # 16 x 4 bits in four LUTs, and a multiplexer between them
        return Cost(
            -(-depth // 16) * -(-width // 4) * 4 + width * (-(-depth // 16) - 1) * 0.5 + width * 0.5, width * 1.5
        )
    return Cost(width * depth * 1.2, width * (depth + 1))


def fifo(width: int, depth: int, family: Family) -> Cost:
    if depth == WIRE:
        return Cost()
    if depth <= SMALL:
        return Cost(width * max(1, 2 * depth - 2) + 6, width * depth + 2)
    return memory(width, depth, family, rom=False) + Cost(20, 20)


def rows(a: int, b: int) -> Cost:
    """A product in LUTs: gates, then rows in pairs, then sums of two, each level registered."""
    wide, count = max(a, b), min(a, b)
    luts, ffs, held, covered = float(a * b), 0.0, -(-count // 2), 2
    luts += (count // 2) * (wide + 1)
    while True:
        ffs += held * (wide + covered)
        if held == 1:
            return Cost(luts, ffs)
        luts += (held // 2) * (wide + covered + 1)
        held, covered = -(-held // 2), 2 * covered


def counter(steps: int) -> Cost:
    bits = max(1, (steps - 1).bit_length())
    return Cost(2 * bits, bits)


def _matvec(actor: MatVec, inputs: tuple[Stream, ...], family: Family) -> Cost:
    x, result = inputs[0], actor.outputs(*inputs)[0].kind
    weight_bits, signed = _bits(actor.weights), bool((actor.weights < 0).any())
    many, mixed = actor.pe * actor.simd, x.kind.signed != signed
    product = x.kind.bits + weight_bits
    total = memory(many * weight_bits, actor.steps, family, rom=True) + counter(actor.steps) + counter(actor.steps)
    taken = dsps(x.kind.bits + (mixed and signed), weight_bits + (mixed and not signed), product + mixed, family)
    if actor.multiplier == "dsp" and taken:
        total += Cost(0, 0, dsps=many * taken)
    else:
        one = rows(x.kind.bits, weight_bits) if actor.multiplier == "lut" else soft(x.kind.bits, weight_bits)
        total += Cost(one.luts * many, one.ffs * many)
    adders = actor.pe * (actor.simd - 1)
    total += Cost(adders * (product + 2), adders * (product + 2))
    total += Cost(actor.pe * result.bits * 2, actor.pe * result.bits + 3 * actor.delay)
    folds, terms = actor.folds
    if folds > 1:
        total += memory(x.width, terms, family, rom=False) + Cost(x.width, x.width)
    if np.any(actor.bias):
        total += memory(actor.pe * _bits(actor.bias), actor.groups * folds, family, rom=True)
    return total


def soft(a: int, b: int) -> Cost:
    """A product in LUTs as Yosys makes it."""
    return Cost(2.6 * a * b, 0)


def _bits(values: Any) -> int:
    from nc.ir.types import bits_for

    return bits_for(int(values.min()), int(values.max()))


def _buffer(actor: Buffer, inputs: tuple[Stream, ...], family: Family) -> Cost:
    loops = sum((counter(c) for c in actor.counts if c > 1), Cost())
    address = max(1, actor.depth.bit_length())
    masks = Cost(40 * len(actor.bounds) + (inputs[0].width if actor.bounds else 0), 10 * len(actor.bounds))
    return memory(inputs[0].width, actor.depth, family, rom=False) + loops + masks + Cost(6 * address + 30, 3 * address)


def _words(actor: Words, inputs: tuple[Stream, ...], family: Family) -> Cost:
    total = logic(actor.graph, family)
    period, columns = actor.params.shape
    rom = memory(sum(_bits(actor.params[:, k]) for k in range(columns)), period, family, rom=True)
    return total + rom + Cost(4, sum(s.width for s in inputs) * bool(columns))


def logic(graph: WordGraph, family: Family) -> Cost:
    """The operations of a word graph: a LUT a bit of an adder, a comparison, or a choice; products in DSP blocks where
    the family has them."""
    bits = graph.bits
    width = bits.astype(np.float64).copy()
    np.maximum.at(width, graph.owner, bits[graph.src].astype(np.float64))
    operands = np.maximum(graph.arity + (graph.p0 != 0) - 1, 0)
    price = np.zeros(len(graph))
    sums = (graph.kind == Kind.SUM) & ~graph.concatenation
    price[sums] = (bits * operands)[sums]
    for kind, luts in {Kind.GE: width, Kind.EQ: width / 2, Kind.MUX: bits, Kind.MIN: 2 * width, Kind.MAX: 2 * width,
                       Kind.CLAMP: 2.5 * bits}.items():  # fmt: skip
        chosen = graph.kind == kind
        price[chosen] = np.asarray(luts)[chosen]
    total = Cost(float(price.sum()), float(bits[graph.kind == Kind.REG].sum()))
    for node in np.flatnonzero(graph.kind == Kind.TABLE).tolist():
        address = int(bits[graph.src[graph.start[node]]])
        total += Cost(int(bits[node]) * max(1.0, (1 << address) / 16) * (1 if address <= 6 else 0.7))
    for node in np.flatnonzero(graph.kind == Kind.MUL).tolist():
        a, b = (int(v) for v in graph.src[graph.start[node] : graph.start[node + 1]])
        mixed = bool(graph.signed[a]) != bool(graph.signed[b])
        wide = [int(bits[v]) + (mixed and not graph.signed[v]) for v in (a, b)]
        taken = dsps(wide[0], wide[1], int(bits[node]), family)
        pieces = Cost(max(0, taken - 1) * float(bits[node]), dsps=taken)
        total += pieces if taken else soft(wide[0], wide[1])
    return total


def _staircase(actor: Staircase, inputs: tuple[Stream, ...], family: Family) -> Cost:
    x, lanes, period = inputs[0].kind.bits, actor.thresholds.shape[1], len(actor.thresholds)
    total = Cost(lanes * actor.bits * x * 2, lanes * actor.bits * (x + actor.bits))
    for k in range(actor.bits):
        one = memory(x, period << k, family, rom=True)
        total += Cost(one.luts * lanes, one.ffs * lanes, one.brams * lanes)
    return total


def _reduce(actor: Reduce, inputs: tuple[Stream, ...], family: Family) -> Cost:
    width = actor.outputs(*inputs)[0].width
    held = memory(width, actor.groups, family, rom=False) if actor.groups > 1 else Cost()
    return held + counter(actor.rounds) + Cost(width * 2, width)


def _taps(actor: Taps, inputs: tuple[Stream, ...], family: Family) -> Cost:
    rows = memory((actor.kernel[0] - 1) * inputs[0].width, actor.area[1], family, rom=False)
    loops = counter(actor.area[0]) + counter(actor.area[1])
    return rows + loops + Cost(inputs[0].width + 20, actor.outputs(*inputs)[0].width + 2 * inputs[0].width)


COSTS: Mapping[type, Callable[[Any, tuple[Stream, ...], Family], Cost]] = {
    MatVec: _matvec,
    Buffer: _buffer,
    Words: _words,
    Staircase: _staircase,
    Reduce: _reduce,
    Gather: lambda a, i, f: Cost(6, i[0].width * a.factor + 4),
    Scatter: lambda a, i, f: Cost(i[0].width + 6, i[0].width + 4),
    Fork: lambda a, i, f: Cost(a.ways),
    Taps: _taps,
    ArgMax: lambda a, i, f: Cost(i[0].width * 3 + 16, i[0].width + 16),
}
