"""What a dataflow takes of a device, estimated actor by actor: 4-input LUTs, flip-flops, block RAMs, DSP blocks.

The coefficients are fits to what Yosys 0.70 makes of the components; `docs/fpga.md` has estimates beside results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from nc.ir.words import Kind


@dataclass(frozen=True)
class Family:
    """`shapes`: (width, depth) of a block RAM; `rom_least`, `ram_least`: a memory of fewer bits stays in LUTs;
    `dsp_bits`: products of fewer bits stay in LUTs; `rom_luts`: LUTs a kilobit of memory in logic; `adder`: LUTs a bit
    of an adder; `lut_ram`: LUTs can be small memories.
    """

    shapes: tuple[tuple[int, int], ...]
    rom_least: int
    ram_least: int
    dsp_bits: int
    rom_luts: float
    adder: float
    lut_ram: bool = True


FAMILIES: Mapping[str, Family] = {
    "ice40": Family(((16, 256), (8, 512), (4, 1024), (2, 2048)), 1000, 64, 11, 40.0, 1.0, False),
    "ecp5": Family(((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)), 4096, 2048, 9, 40.0, 1.0),
    "generic": Family(((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)), 4096, 2048, 9, 40.0, 1.0),
}


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


def memory(width: int, depth: int, family: Family, *, rom: bool) -> Cost:
    """A memory with one read port, in the cheapest shape of blocks, or in logic."""
    bits = width * depth
    if depth <= 1 or width == 0:
        return Cost()
    if bits < (family.rom_least if rom else family.ram_least):
        if rom:
            return Cost(bits * family.rom_luts / 1024 + width, width)
        if family.lut_ram:  # 16 x 4 bits in four LUTs, and a multiplexer between them
            return Cost(-(-depth // 16) * -(-width // 4) * 4 + width * depth / 48 + 4, width)
        return Cost(bits * 1.2, bits + width)
    # Yosys takes a block more where that saves multiplexers between many banks.
    choices = [(-(-width // w) * -(-depth // d), -(-depth // d)) for w, d in family.shapes]
    blocks, banks = min(choices, key=lambda c: c[0] + 0.1 * c[1])
    return Cost(width * (banks - 1) * 0.5, brams=blocks)


def fifo(width: int, depth: int, family: Family) -> Cost:
    if depth == WIRE:
        return Cost()
    if depth <= SMALL:
        return Cost(width * depth * 0.8 + 4, width * depth + 2)
    return memory(width, depth, family, rom=False) + Cost(20, 20)


def counter(steps: int) -> Cost:
    bits = max(1, (steps - 1).bit_length())
    return Cost(2 * bits, bits)


def _matvec(actor: MatVec, inputs: tuple[Stream, ...], family: Family) -> Cost:
    x, result = inputs[0], actor.outputs(*inputs)[0].kind
    rows = actor.memory()
    weight_bits = _bits(rows)
    many = actor.pe * actor.simd
    product = x.kind.bits + weight_bits + (x.kind.signed != bool((actor.weights < 0).any()))
    dsp = actor.multiplier == "dsp" and product >= family.dsp_bits
    total = memory(many * weight_bits, actor.steps, family, rom=True) + counter(actor.steps) + counter(actor.steps)
    rows_of_product = max(1, min(weight_bits, x.kind.bits) - 1)
    total += Cost(0 if dsp else many * rows_of_product * (product * 0.8) * family.adder, many * product,
                  dsps=many if dsp else 0)  # fmt: skip
    total += Cost(actor.pe * (actor.simd - 1) * (product + 1) * family.adder, actor.pe * (actor.simd - 1) * product / 2)
    total += Cost(actor.pe * result.bits * (1 + family.adder), actor.pe * result.bits + 3 * actor.delay)
    folds, terms = actor.folds
    if folds > 1:
        total += memory(x.width, terms, family, rom=False) + Cost(x.width, x.width)
    if np.any(actor.bias):
        total += memory(actor.pe * _bits(actor.bias), actor.groups * folds, family, rom=True)
    return total


def _bits(values: Any) -> int:
    from nc.ir.types import bits_for

    return bits_for(int(values.min()), int(values.max()))


def _buffer(actor: Buffer, inputs: tuple[Stream, ...], family: Family) -> Cost:
    loops = sum((counter(c) for c in actor.counts if c > 1), Cost())
    address = max(1, actor.depth.bit_length())
    masks = Cost(40 * len(actor.bounds) + (inputs[0].width if actor.bounds else 0), 10 * len(actor.bounds))
    return memory(inputs[0].width, actor.depth, family, rom=False) + loops + masks + Cost(6 * address + 30, 3 * address)


def _words(actor: Words, inputs: tuple[Stream, ...], family: Family) -> Cost:
    graph = actor.graph
    bits = graph.bits
    arithmetic = np.isin(graph.kind, (Kind.SUM, Kind.GE, Kind.EQ, Kind.MUX, Kind.MIN, Kind.MAX, Kind.CLAMP))
    luts = float(bits[arithmetic].sum()) * family.adder + 8 * graph.count(Kind.TABLE)
    products = graph.count(Kind.MUL)
    ffs = float(bits[graph.kind == Kind.REG].sum())
    period, columns = actor.params.shape
    rom = memory(sum(_bits(actor.params[:, k]) for k in range(columns)), period, family, rom=True)
    return rom + Cost(luts, ffs + sum(s.width for s in inputs) * bool(columns), dsps=products)


def _staircase(actor: Staircase, inputs: tuple[Stream, ...], family: Family) -> Cost:
    x, lanes, period = inputs[0].kind.bits, actor.thresholds.shape[1], len(actor.thresholds)
    total = Cost(lanes * actor.bits * x * (1 + family.adder), lanes * actor.bits * (x + actor.bits))
    for k in range(actor.bits):
        one = memory(x, period << k, family, rom=True)
        total += Cost(one.luts * lanes, one.ffs * lanes, one.brams * lanes)
    return total


def _reduce(actor: Reduce, inputs: tuple[Stream, ...], family: Family) -> Cost:
    width = actor.outputs(*inputs)[0].width
    held = memory(width, actor.groups, family, rom=False) if actor.groups > 1 else Cost()
    return held + counter(actor.rounds) + Cost(width * (1 + family.adder), width)


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
    ArgMax: lambda a, i, f: Cost(i[0].width * (2 + f.adder) + 16, i[0].width + 16),
}
