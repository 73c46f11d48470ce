"""Element-wise operations on a stream: a word graph for a token, constants in it or, where they vary, from a memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nc.compiler.words.lower import lower
from nc.compiler.words.pipeline import Pipeline
from nc.compiler.words.rebuild import rebuild
from nc.ir.dataflow import Stream, Words
from nc.ir.dataflow.streams import IntArray
from nc.ir.graph import Builder
from nc.ir.ops.base import Op, frozen
from nc.ir.types import TensorType
from nc.ir.words import Kind, Term, WordBuilder, WordGraph
from nc.ir.words.builder import csd

LEVELS = 10
"""Operations between registers; a multiplication counts for four."""

NONE = np.zeros((1, 0), np.int64)
Make = Callable[[WordBuilder, int, Sequence[int]], int]


def fixed(op: Op, inputs: Sequence[Stream], constant: IntArray | None = None, *, left: bool = False) -> Words:
    """`op` on tokens; its parameters, and a constant operand (lanes,) where there is one, are by lane. `left`: the
    constant is the first operand."""
    build = Builder("token")
    operands = [build.input(f"x{k}", TensorType((s.lanes,), s.kind)) for k, s in enumerate(inputs)]
    if constant is not None:
        operands.insert(0 if left else 1, build.constant(constant))
    build.output("y", build.add(op, *operands))
    return _words(lower(build.finish()), NONE)


def varying(stream: Stream, params: dict[str, IntArray], make: Make) -> Words:
    """`make(builder, x, [parameter, ...])` on every lane, parameters (period, lanes) each from a memory."""
    b = WordBuilder()
    kind = stream.kind
    x = b.input("x0", (stream.lanes,), kind.lo, kind.hi, bits=kind.bits, signed=kind.signed)
    columns = list(params.values())
    rows = np.stack(columns, axis=2).reshape(len(columns[0]), -1)  # (period, lanes * parameters)
    ids = b.input("params", (rows.shape[1],), rows.min(axis=0), rows.max(axis=0))
    made = [make(b, int(x[k]), ids[k * len(columns) : (k + 1) * len(columns)].tolist()) for k in range(stream.lanes)]
    return _words(rebuild(b.build([b.port("y", np.array(made, np.int64))], {})), rows)


def scaled(multiplier: int | None, shift: int, lo: int, hi: int, rounding: str, step: int = 1, base: int = 0) -> Make:
    """base + step * clamp((x * multiplier + offset) >> shift, lo, hi); parameters: offset, and the multiplier where
    None is given."""

    def make(b: WordBuilder, x: int, params: Sequence[int]) -> int:
        terms = [Term(b.mul(x, params[1]))] if multiplier is None else [Term(x, s, neg) for s, neg in csd(multiplier)]
        total = b.sum([*terms, Term(params[0])])
        if rounding == "half_even" and shift:
            odd = b.bits(total, shift, 1)
            total = b.sum((Term(total), Term(odd)), (1 << shift - 1) - 1)
        stair = b.clamp(b.shr(total, shift), lo, hi)
        return b.sum([Term(stair, s, neg) for s, neg in csd(step)], base)

    return make


BINARY: dict[str, Make] = {
    "add": lambda b, x, p: b.add(x, p[0]),
    "sub": lambda b, x, p: b.sub(x, p[0]),
    "mul": lambda b, x, p: b.mul(x, p[0]),
    "minimum": lambda b, x, p: b.min(x, p[0]),
    "maximum": lambda b, x, p: b.max(x, p[0]),
}
"""Operations with one varying constant as the second operand."""


def _words(graph: WordGraph, params: IntArray) -> Words:
    weight = int(graph.level.max(initial=0)) + 3 * bool(graph.count(Kind.MUL))
    graph = replace(graph, probes={})
    stages = max(1, -(-weight // LEVELS))
    staged, _ = Pipeline(stages=stages, minimise=len(graph) < 2000).run(graph)
    return Words(staged, stages, frozen(params, np.int64))


def by_lane(op: Any, rows: dict[str, IntArray]) -> Any:
    """The operation with its arrays by lane of a token."""
    return replace(op, axis=0, **{name: frozen(value) for name, value in rows.items()})
