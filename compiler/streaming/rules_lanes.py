"""Lowering of what happens lane by lane: staircases, element-wise operations with constants or streams, arg-max."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import gcd
from typing import Any

import numpy as np

from nc.compiler.streaming import elementwise
from nc.compiler.streaming.order import period, row_major
from nc.compiler.streaming.place import Lowering, Place
from nc.ir.dataflow import (
    ArgMax,
    MatVec,
    Staircase,
    Stream,
)
from nc.ir.dataflow.streams import IntArray
from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Node, Value
from nc.ir.ops.base import frozen


def argmax(state: Lowering, node: Node, value: Value) -> Place:
    op: Any = node.op
    size = state.graph.type(node.operands[0]).size
    place = state.ordered(state.take(node.operands[0]), row_major(size), state.name(value))
    lanes = state.stream(place).lanes
    return state.add(state.name(value), ArgMax(size // lanes, op.last), place, order=np.zeros(1, np.int64))


def _parameters(state: Lowering, place: Place, shape: tuple[int, ...], axis: int, array: IntArray) -> IntArray:
    """What each lane of each token has of `array` (rows, ...), whose rows go along `axis`: (period, lanes, ...)."""
    lanes = state.stream(place).lanes
    if len(array) == 1:
        return np.broadcast_to(array, (1, lanes, *array.shape[1:])).reshape(1, lanes, *array.shape[1:])
    inner = int(np.prod(shape[axis + 1 :]))
    rows = array[place.order // inner % shape[axis]].reshape(-1, lanes, *array.shape[1:])
    return rows[: period(rows)]


def _tiled(rows: IntArray, count: int) -> IntArray:
    return np.tile(rows, (count // len(rows), *([1] * (rows.ndim - 1))))


def stairs(state: Lowering, node: Node, value: Value) -> Place:
    """requantize, multi_threshold, table: constants in the logic where every token has the same, else in memories."""
    op: Any = node.op
    kind = state.graph.type(node.operands[0])
    operand = node.operands[0]
    name, place = state.name(value), state.take(operand)
    arrays = {
        n: _parameters(state, place, kind.shape, op.axis % max(1, len(kind.shape)), getattr(op, n))
        for n in ROWS[op.name]
    }
    count = int(np.lcm.reduce([len(rows) for rows in arrays.values()]))
    stream = state.narrowed(place, operand)
    if count == 1:
        rows = {n: r[0] for n, r in arrays.items()}
        rows = {n: r[:1] if (r == r[0]).all() else r for n, r in rows.items()}
        return state.add(
            f"{name}/{op.name}", elementwise.fixed(elementwise.by_lane(op, rows), [stream]), place, wire=True
        )
    arrays = {n: _tiled(rows, count) for n, rows in arrays.items()}
    made = VARYING[op.name](op, stream, arrays)
    if made is None:
        place = state.lanes(place, stream.lanes * count, name)
        rows = {n: r.reshape(-1, *r.shape[2:]) for n, r in arrays.items()}
        wide = Stream(1, stream.lanes * count, stream.kind)
        return state.add(
            f"{name}/{op.name}", elementwise.fixed(elementwise.by_lane(op, rows), [wide]), place, wire=True
        )
    return state.add(f"{name}/{op.name}", made, place, wire=True)


def _requantize(op: Any, stream: Stream, rows: dict[str, IntArray]) -> Any:
    first = int(rows["multiplier"].flat[0])
    same = bool((rows["multiplier"] == first).all())
    params = {"offset": rows["offset"]} if same else {"offset": rows["offset"], "multiplier": rows["multiplier"]}
    make = elementwise.scaled(first if same else None, op.shift, op.lo, op.hi, op.rounding)
    return elementwise.varying(stream, params, make)


def _thresholds(op: Any, stream: Stream, rows: dict[str, IntArray]) -> Any:
    """Evenly spaced by a power of two, they are a shift; otherwise a search."""
    edges, falling = rows["thresholds"], np.broadcast_to(rows["sign"] < 0, rows["thresholds"].shape[:2])
    edges = edges + falling[:, :, None]  # x <= t is not (x >= t + 1)
    levels = edges.shape[2]
    pitch = np.diff(edges, axis=2)
    if not falling.any() and levels > 1 and (pitch == pitch.flat[0]).all():
        step = int(pitch.flat[0])
        if step > 0 and step & (step - 1) == 0:
            make = elementwise.scaled(1, step.bit_length() - 1, 0, levels, "floor", op.step, op.base)
            return elementwise.varying(stream, {"offset": step - edges[:, :, 0]}, make)
    return Staircase(frozen(edges, np.int64), frozen(falling, np.int64), op.base, op.step)


ROWS: dict[str, tuple[str, ...]] = {
    "requantize": ("multiplier", "offset"),
    "multi_threshold": ("thresholds", "sign"),
    "table": ("entries",),
}


VARYING: dict[str, Callable[[Any, Stream, dict[str, IntArray]], Any]] = {
    "requantize": _requantize,
    "multi_threshold": _thresholds,
    "table": lambda op, stream, rows: None,
}


def unary(state: Lowering, node: Node, value: Value) -> Place:
    place = state.take(node.operands[0])
    stream = state.narrowed(place, node.operands[0])
    return state.add(f"{state.name(value)}/{node.op.name}", elementwise.fixed(node.op, [stream]), place, wire=True)


def binary(state: Lowering, node: Node, value: Value) -> Place:
    constants = [state.graph.nodes[o].constant for o in node.operands]
    if constants[0] is not None or constants[1] is not None:
        return _with_constant(state, node, value)
    return _join(state, node, value)


def _with_constant(state: Lowering, node: Node, value: Value) -> Place:
    graph, name = state.graph, state.name(value)
    left = graph.nodes[node.operands[0]].constant is not None
    operand, constant = node.operands[::-1] if left else node.operands
    kind = graph.type(operand)
    if node.type.shape != kind.shape:
        fail("NC610", f"a constant must not make a stream longer in '{node.op.name}'", where=Where(node=name))
    place = state.take(operand)
    stream = state.narrowed(place, operand)
    held = np.asarray(graph.nodes[constant].constant, np.int64)
    rows = np.broadcast_to(held, kind.shape).ravel()[place.order].reshape(-1, stream.lanes)
    rows = rows[: period(rows)]
    biased = _biased(state, place, rows) if node.op.name == "add" else None
    if biased is not None:
        return biased
    if len(rows) == 1:
        made: Any = elementwise.fixed(node.op, [stream], rows[0], left=left)
    elif node.op.name in elementwise.BINARY and (not left or node.op.name != "sub"):
        made = elementwise.varying(stream, {"constant": rows}, elementwise.BINARY[node.op.name])
    else:
        place = state.lanes(place, rows.size, name)
        made = elementwise.fixed(node.op, [Stream(1, rows.size, stream.kind)], rows.ravel(), left=left)
    return state.add(f"{name}/{node.op.name}", made, place, wire=True)


def _biased(state: Lowering, place: Place, rows: IntArray) -> Place | None:
    """The constant as what the accumulators of the layer in front start from."""
    if place.source.node < 0:
        return None
    node = state.build.nodes[place.source.node]
    if not isinstance(node.actor, MatVec):
        return None
    bias = node.actor.bias
    folds = bias.size // node.actor.pe
    if folds % len(rows):
        return None
    actor = replace(node.actor, bias=frozen(bias + _tiled(rows, folds).reshape(bias.shape), np.int64))
    state.build.nodes[place.source.node] = replace(node, actor=actor)
    inputs = [state.build.streams[s] for s in node.inputs]
    (state.build.streams[place.source],) = actor.outputs(*inputs)
    return place


def _join(state: Lowering, node: Node, value: Value) -> Place:
    name = state.name(value)
    shapes = [state.graph.type(o).shape for o in node.operands]
    if shapes[0] != shapes[1]:
        message = f"the operands of '{node.op.name}' must have one shape in a stream, not {shapes[0]} and {shapes[1]}"
        fail("NC610", message, where=Where(node=name))
    places = [state.take(o) for o in node.operands]
    places[1] = state.ordered(places[1], places[0].order, name)
    lanes = min(state.stream(p).lanes for p in places)
    lanes = (
        gcd(*(state.stream(p).lanes for p in places)) if any(state.stream(p).lanes % lanes for p in places) else lanes
    )
    places = [state.lanes(p, lanes, name) for p in places]
    streams = [state.narrowed(p, o) for p, o in zip(places, node.operands)]
    return state.add(f"{name}/{node.op.name}", elementwise.fixed(node.op, streams), *places)
