"""A genome as an integer graph: every approximation is spelled out in primitives, so all that follows is bit-exact.

A summand mask is a matrix product over bit planes of the input (a masked bit has weight 0); a slice with saturation
is a requantize and a minimum; dropped classes are a take before the arg-max and a table behind it.
"""

from __future__ import annotations

import numpy as np

from nc.compiler.printed.genome import IntArray, Shape, forward, split
from nc.compiler.printed.tournament import Tournament, write
from nc.ir.graph import Builder, Graph, Value
from nc.ir.ops.add import Add
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import frozen
from nc.ir.ops.concat import Concat
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.minimum import Minimum
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.table import Table
from nc.ir.ops.take import Take
from nc.ir.types import Affine, IntType, TensorType


def to_graph(
    genome: IntArray,
    shape: Shape,
    *,
    name: str = "bespoke",
    top_code: int | None = None,
    meaning: Affine | None = None,
    tournament: Tournament | None = None,
    label: str = "x",
) -> Graph:
    """The graph of a genome: input `label` (F,) of `input_bits` bits, output `class` as an index.

    `top_code`: the largest input code that occurs (default 2**input_bits - 1): a smaller one is a promise about the
    data, not a don't-care for the circuit, which computes the same function on every code. `meaning` of the input.
    `tournament`: an approximate arg-max over the live classes' sums (players are numbered among the live ones).
    """
    g = {k: v.astype(np.int64) for k, v in split(genome, shape).items()}
    top = (1 << shape.input_bits) - 1 if top_code is None else top_code
    build = Builder(name)
    x = build.input(label, TensorType((shape.features,), IntType(0, top), meaning))

    build.origin = "hidden"
    weights = _plane_weights(g["s1"], g["k1"], g["m1"], shape.input_bits)
    used = np.flatnonzero((g["s2"] * g["m2"])[g["live"] != 0].any(0))
    if len(used):
        sums = _masked_product(build, x, weights[:, :, used], shape.input_bits)
        slide = int(g["shift"][used].max())
        multiplier = np.int64(1) << (slide - g["shift"][used])
        limits = (np.int64(1) << g["bits"][used]) - 1
        hidden = build.add(
            Requantize(frozen(multiplier), frozen(g["b1"][used] * multiplier), slide, 0, int(limits.max())), sums
        )
        if len(set(limits.tolist())) > 1:
            hidden = build.add(Minimum(), hidden, build.constant(limits))

    build.origin = "output"
    live = np.flatnonzero(g["live"])
    bias = build.constant(g["b2"][live], TensorType((len(live),), _span(g["b2"][live])))
    if len(used):
        bits = int(build.type(hidden).int.bits)
        weights = _plane_weights(g["s2"][live][:, used], g["k2"][live][:, used], g["m2"][live][:, used], bits)
        sums = build.add(Add(), _masked_product(build, hidden, weights, bits), bias)
    else:
        sums = bias
    if g["drop"][0]:
        kind = build.type(sums).int
        one, none = frozen(np.array([1])), frozen(np.array([0]))
        drop = int(g["drop"][0])
        sums = build.add(Requantize(one, none, drop, kind.lo >> drop, kind.hi >> drop), sums)

    build.origin = "argmax"
    if tournament is not None:
        build.output("class", write(build, sums, tournament, live))
        return build.finish()
    chosen = build.add(ArgMax(0, True), sums)
    if len(live) < shape.classes:
        chosen = build.add(Table(frozen(live[None, :]), 0), chosen)
    build.output("class", chosen)
    return build.finish()


def _span(values: np.ndarray) -> IntType:
    return IntType(int(values.min()), int(values.max()))


def _plane_weights(sign: np.ndarray, shift: np.ndarray, mask: np.ndarray, bits: int) -> np.ndarray:
    """Weights (bits, inputs, outputs) of each bit plane: sign * 2**(shift + b) where the mask keeps bit b."""
    b = np.arange(bits).reshape(-1, 1, 1)
    kept = (mask[None] >> b) & 1
    return np.transpose(kept * sign[None] * (np.int64(1) << (shift[None] + b)), (0, 2, 1))


def _masked_product(build: Builder, x: Value, weights: np.ndarray, bits: int) -> Value:
    """x as bit planes times `weights` (bits, inputs, outputs); only the bits that some output reads are taken.

    An input all of whose outputs read all bits with one sign and shift needs no planes: it enters as a word.
    """
    planes, rows = [], []
    span = build.type(x).int
    codes = np.arange(span.lo, span.hi + 1)
    whole = np.all(weights == weights[0][None] << np.arange(bits).reshape(-1, 1, 1), axis=0).all(axis=1)
    whole &= weights[0].any(axis=1)
    if np.any(whole):
        index = np.flatnonzero(whole)
        planes.append(build.add(Take(frozen(index)), x))
        rows.append(weights[0][index])
    for b in range(bits):
        index = np.flatnonzero(weights[b].any(axis=1) & ~whole)
        if len(index) == 0:
            continue
        picked = build.add(Take(frozen(index)), x)
        planes.append(build.add(Table(frozen(((codes >> b) & 1)[None, :]), span.lo), picked))
        rows.append(weights[b][index])
    if not planes:
        planes, rows = [build.add(Take(frozen(np.array([0]))), x)], [np.zeros((1, weights.shape[2]), np.int64)]
    joined = planes[0] if len(planes) == 1 else build.add(Concat(0), *planes)
    matrix = np.concatenate(rows)
    return build.add(MatMul(), joined, build.constant(matrix, TensorType(matrix.shape, _span(matrix))))


def live_sums(genome: IntArray, shape: Shape, x: np.ndarray) -> np.ndarray:
    """The sums (N, live classes) that the arg-max of a genome compares, low bits dropped."""
    parts = split(genome, shape)
    live = np.flatnonzero(parts["live"])
    sums: np.ndarray = forward(genome, shape, x)[1][:, live] >> int(parts["drop"][0])
    return sums
