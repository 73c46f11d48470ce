"""What a model answers, output by output: class indices, and the real numbers that they are decided from.

A single number a sample decides between two classes: a probability (the network ends in a sigmoid, or its integers
lie in 0 … 1) at .5, a logit at 0. Both models of a build are decided alike, whichever of the two the hardware puts out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.passes.strip_heads import HEADS
from nc.compiler.ports import CLASS, real_of
from nc.ir.graph import Graph, Value
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import Op
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.transpose import Transpose
from nc.ir.types import F32, Affine

Array = NDArray[Any]
_CARRIED = (Reshape, Transpose, Quantize, Dequantize)  # what may stand behind a head and keeps what it says


@dataclass(frozen=True)
class Answer:
    """One output on N samples. `decided`: class indices (N,), of `classes`; `values`: the real numbers (N, size) that
    the output stands for, None where the output is a class index itself. `scalar`: one number, not one a class;
    `probability`: that number is one. `shape`: of a sample."""

    name: str
    decided: NDArray[np.int64]
    classes: int
    values: NDArray[np.float64] | None = None
    scalar: bool = False
    probability: bool = False
    shape: tuple[int, ...] = ()
    heads: tuple[Op, ...] = ()
    """What the reader of the output still has to apply to get the model's own numbers."""

    @property
    def shown(self) -> NDArray[np.float64] | None:
        """The model's own numbers, (N, size)."""
        if self.values is None:
            return None
        values = self.values.reshape(-1, *self.shape)
        for head in self.heads:
            values = head.evaluate(values)
        return values.reshape(len(values), -1)


def answers(
    graph: Graph, outputs: Mapping[str, Array], reference: Graph | None = None, real: Graph | None = None
) -> list[Answer]:
    """Every output of an integer or a float graph, in order. `real`: the model as it was read; `reference`: the same
    without the heads that the hardware leaves to the reader."""
    return [_answer(graph, label, outputs[label], reference, real) for label in graph.outputs]


def decisions(graph: Graph, outputs: Mapping[str, Array], reference: Graph | None = None) -> NDArray[np.int64]:
    """The class of each sample (N,) by the first output: the index of its largest number, ties to the lowest."""
    label = next(iter(graph.outputs))
    return _answer(graph, label, outputs[label], reference, None).decided


def _answer(graph: Graph, label: str, found: Array, reference: Graph | None, real: Graph | None) -> Answer:
    value = graph.outputs[label]
    kind = graph.type(value)
    flat = found.reshape(len(found), -1)
    named = label == CLASS and flat.shape[1] == 1 and kind.meaning is None
    if named or graph.nodes[value].op.name == ArgMax.name:
        return Answer(label, np.asarray(flat[:, 0], np.int64), _indices(graph, value))
    values = real_of(found, kind).reshape(flat.shape) if kind.is_int else np.asarray(flat, np.float64)
    rest: tuple[Op, ...] = ()
    if reference is not None and real is not None and label in real.outputs and label in reference.outputs:
        rest = tuple(heads(real, label)[len(heads(reference, label)) :])
    if flat.shape[1] > 1:
        alike = kind.meaning is None or kind.meaning.uniform  # then the integers compare as the reals, without rounding
        decided = (flat if alike else values).argmax(axis=1)
        return Answer(label, np.asarray(decided, np.int64), flat.shape[1], values, shape=kind.shape, heads=rest)
    probable = is_probability(graph, label, reference)
    meaning = kind.meaning or Affine()
    border = float((Fraction(int(probable), 2) - meaning.offset[0]) / meaning.scale[0])  # as a number of the port
    decided = np.asarray(flat[:, 0] > border, np.int64)
    return Answer(label, decided, 2, values, scalar=True, probability=probable, shape=kind.shape, heads=rest)


def _indices(graph: Graph, value: Value) -> int:
    """How many classes an output of class indices knows."""
    node = graph.nodes[value]
    if isinstance(node.op, ArgMax):
        shape = graph.type(node.operands[0]).shape
        return shape[node.op.axis]
    return node.type.int.hi + 1 if node.type.is_int else 1 << 31


def is_probability(graph: Graph, label: str, reference: Graph | None = None) -> bool:
    """Whether an output is a probability rather than a logit: its float graph ends in a sigmoid, or holds a decision;
    of integers whose float graph is not known, their range says it."""
    kind = graph.type(graph.outputs[label])
    if not kind.is_int:
        return kind.element != F32 or any(isinstance(op, Sigmoid) for op in heads(graph, label))
    if reference is not None and label in reference.outputs:
        return is_probability(reference, label)
    lo, hi = (float(real_of(np.full((1, *kind.shape), end), kind).ravel()[0]) for end in (kind.int.lo, kind.int.hi))
    return lo >= 0 and hi <= 1


def heads(graph: Graph, label: str) -> list[Op]:
    """The heads (sigmoid, softmax, log-softmax) at the end of a float graph's output, in order of evaluation."""
    at, found = graph.outputs[label], []
    while isinstance(graph.nodes[at].op, (*HEADS, *_CARRIED)):
        if isinstance(graph.nodes[at].op, HEADS):
            found.append(graph.nodes[at].op)
        at = graph.nodes[at].operands[0]
    return found[::-1]
