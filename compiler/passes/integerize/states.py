"""States: a value of one time step ago has the integers of the quantiser that makes it; so has its initial value."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Number, Whole, channel_view, scale_view
from nc.compiler.passes.integerize.rules.registry import need_number
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.graph import Graph, Value
from nc.ir.ops.base import Array
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.input import Input
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.state import State
from nc.ir.types import Affine, IntType, TensorType

if TYPE_CHECKING:
    from nc.compiler.passes.integerize import Port

MOVES = frozenset({"reshape", "transpose", "slice", "gather", "broadcast"})
"""Operations that leave the integers of a tensor as they are."""

Grid = tuple[IntType, Fraction, int]
"""Integers, what one step is worth, and the integer that stands for 0."""


def grid_of(graph: Graph, state: Value, ports: Mapping[str, Port]) -> Grid | None:
    """The grid of the quantiser that makes a state's next value; None when there is none with one scale a tensor."""
    seen = {state}
    value = graph.nodes[state].operands[0]
    while value not in seen:
        seen.add(value)
        node = graph.nodes[value]
        if node.op.name not in MOVES and not isinstance(node.op, State):
            break
        value = node.operands[0]
    op = graph.nodes[value].op
    if isinstance(op, Input) and op.label in ports and ports[op.label].uniform:
        port = ports[op.label]
        return IntType(port.lo, port.hi), port.scale, port.zero_point
    if not isinstance(op, Dequantize):
        return None
    below = graph.nodes[graph.nodes[value].operands[0]]
    scale, zero = (
        view(side, graph.type(value).rank) for view, side in ((scale_view, op.scale), (channel_view, op.zero_point))
    )
    if scale is None or zero is None or len(scale[1]) != 1 or len(zero[1]) != 1:
        return None
    if isinstance(below.op, Quantize) and not below.op.bipolar:
        return IntType(below.op.lo, below.op.hi), scale[1][0], int(zero[1][0])
    return (below.type.int, scale[1][0], int(zero[1][0])) if below.type.is_int else None


def begin(t: Translation, graph: Graph, state: Value, ports: Mapping[str, Port]) -> Form:
    """The state of the integer graph, to be fed when its next value is known. Raises NC301."""
    node = graph.nodes[state]
    assert isinstance(node.op, State)
    label = node.op.label
    if node.type.is_int:
        return Whole(t.build.state(label, node.type, node.op.initial))
    grid = grid_of(graph, state, ports)
    if grid is None:
        return t.refuse(
            "NC301",
            f"the next value of state '{label}' must come from a quantiser with one scale for the tensor",
            "give calibration data, so that the 'quantise' pass puts one there, or quantise it in the model",
        )
    kind, scale, zero = grid
    meaning = Affine.of(scale, zero)
    initial = _integers(t, label, node.op.initial, grid)
    value = t.build.state(label, TensorType(node.type.shape, kind, meaning), initial)
    return Number(value, meaning.scale, meaning.offset)


def _integers(t: Translation, label: str, initial: Array, grid: Grid) -> Array:
    """The initial value in integers. Raises NC301 where it lies between two or beyond them."""
    kind, scale, zero = grid
    exact = [Fraction(float(v)) / scale + zero for v in np.ravel(initial)]
    if any(v.denominator != 1 or not kind.lo <= v <= kind.hi for v in exact):
        t.refuse(
            "NC301",
            f"the initial value of state '{label}' must be numbers of its quantiser ({kind} in steps of {scale})",
            "start from zero, or round the initial value to the quantiser's scale",
        )
    return np.array([int(v) for v in exact], np.int64).reshape(initial.shape)


def finish(t: Translation, state: Form, following: Form) -> None:
    """Close the loop. Raises NC301 when the next value does not have the state's meaning."""
    held, taken = need_number(t, state), align.settled(t, need_number(t, following)).narrowed()
    if (taken.scale, taken.offset) != (held.scale, held.offset):
        t.refuse(
            "NC301",
            "the next value of a state must have the scale of the state",
            "quantise it once more, right where it becomes the state",
        )
    t.build.feed(held.value, taken.value)
