"""A simple delay model of word operations: levels of logic and bits of carry, in nanoseconds, by technology."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.words import Kind, WordGraph

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Delay:
    """`lut_ns`: a LUT with its average wire; `carry_ns`: a bit of carry chain; `engine_ns`: the longest path of
    folded engines and buffers."""

    lut_ns: float
    carry_ns: float
    lut_inputs: int
    engine_ns: float = 12.0


TECHNOLOGIES: dict[str, Delay] = {
    # Rounded so that the digits MLP (1,194 weights) routes at the clock asked for: on ECP5 (speed grade 6) designs made
    # for 40 and 80 MHz by delays half as long routed at 20.2 and 40.9; on iCE40 HX 93.1 where 117 was thought. The
    # UltraScale+ figures follow the data sheet (DS922): no open place and route exists for it.
    "ice40": Delay(1.6, 0.16, 4),
    "ecp5": Delay(1.8, 0.1, 4),
    "xilinx": Delay(0.45, 0.015, 6),
    "lut6": Delay(0.45, 0.25, 6),
    "generic": Delay(1.0, 0.1, 4),
}


def delays(graph: WordGraph, model: Delay) -> FloatArray:
    """Nanoseconds of each node; wires, constants and registers take none."""
    widest = graph.bits.astype(np.float64).copy()
    np.maximum.at(widest, graph.owner, graph.bits[graph.src].astype(np.float64))
    chain = model.lut_ns + model.carry_ns * widest
    operands = graph.arity + (graph.p0 != 0)
    result = np.zeros(len(graph))
    rounds = np.ceil(np.log2(np.maximum(operands, 2)))
    by_kind: dict[Kind, FloatArray] = {
        # Two or three operands: one chain; more (popcounts): compressors, two levels a halving of the column.
        Kind.SUM: np.where(
            (operands <= 1) | graph.concatenation, 0.0, np.where(operands <= 3, chain, chain + model.lut_ns * rounds)
        ),
        Kind.MUL: 2 * chain + model.lut_ns * np.log2(widest + 1),
        Kind.GE: chain,
        Kind.EQ: model.lut_ns * np.ceil(np.log(2 * widest) / np.log(model.lut_inputs)),
        Kind.MUX: np.full(len(graph), model.lut_ns),
        Kind.MIN: (chain + model.lut_ns) * rounds,
        Kind.MAX: (chain + model.lut_ns) * rounds,
        Kind.CLAMP: np.full(len(graph), 2 * model.lut_ns),
        Kind.TABLE: model.lut_ns * (1 + np.maximum(0, widest - model.lut_inputs)),
    }
    for kind, values in by_kind.items():
        chosen = graph.kind == kind
        result[chosen] = values[chosen]
    # The negation of a single operand is an adder after all.
    negated = np.zeros(len(graph), bool)
    np.logical_or.at(negated, graph.owner, graph.neg)
    lone = (graph.kind == Kind.SUM) & (operands == 1) & negated
    result[lone] = chain[lone]
    return result


def longest_ns(graph: WordGraph, model: Delay) -> float:
    """Nanoseconds of the longest path between registers, inputs and outputs."""
    start, src, price = graph.start.tolist(), graph.src.tolist(), delays(graph, model).tolist()
    registers = (graph.kind == Kind.REG).tolist()
    time = [0.0] * len(graph)
    longest = 0.0
    for node in range(len(graph)):
        arrived = max((time[u] for u in src[start[node] : start[node + 1]]), default=0.0) + price[node]
        longest = max(longest, arrived)
        time[node] = 0.0 if registers[node] else arrived
    return longest
