"""Lowering of products with weights, windows and pools: engines of multipliers behind line buffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nc.compiler.streaming.layers import Fold, Layer
from nc.compiler.streaming.order import pixels, row_major
from nc.compiler.streaming.place import Lowering, Place, aligned
from nc.ir.dataflow import (
    Buffer,
    MatVec,
    Reduce,
    Taps,
)
from nc.ir.dataflow.graph import DEFAULT_DEPTH
from nc.ir.dataflow.streams import IntArray
from nc.ir.graph import Node, Value
from nc.ir.ops.base import frozen
from nc.ir.ops.max_pool import MaxPool


def _planar(shape: tuple[int, ...], values: tuple[int, ...], fill: int) -> tuple[int, int]:
    """One or two spatial extents as two."""
    return (fill, values[0]) if len(values) == 1 else (values[0], values[1])


def _window(
    state: Lowering, place: Place, shape: tuple[int, ...], op: Any, kernel: tuple[int, ...], fill: int, name: str
) -> Place:
    """The windows of a tensor (C, *spatial) that comes pixel by pixel."""
    rank = len(kernel)
    size = _planar(shape, shape[1:], 1)
    begin, end = op.pads[:rank], op.pads[rank:]
    pads = (*_planar(shape, begin, 0), *_planar(shape, end, 0))
    kernel2, strides = _planar(shape, kernel, 1), _planar(shape, op.strides, 1)
    if kernel2 == (1, 1) and strides == (1, 1) and not any(pads):
        return place
    groups = shape[0] // state.stream(place).lanes
    buffer = Buffer.window(*size, groups, kernel2, strides, pads, _planar(shape, op.dilations, 1), fill)
    return state.add(f"{name}/window", buffer, place, order=np.zeros(0, np.int64))


def conv(state: Lowering, node: Node, value: Value) -> Place:
    op: Any = node.op
    layer, fold, name = state.layers[value], state.folds[value], state.name(value)
    shape = state.graph.type(node.operands[0]).shape
    place = state.ordered(state.take(node.operands[0]), pixels(shape), name)
    if layer.at_once(fold):
        return _conv_at_once(state, node, value, place)
    lanes = fold.pe if layer.lanewise else fold.simd
    place = state.lanes(place, lanes, name)
    place = _window(state, place, shape, op, layer.weights.shape[2:], 0, name)
    taps = layer.taps
    if layer.lanewise:
        weights = layer.weights.reshape(layer.groups // lanes, lanes, taps)
    else:
        cut = layer.weights.reshape(layer.groups, layer.results, layer.channels // lanes, lanes, taps)
        weights = np.ascontiguousarray(cut.transpose(0, 1, 2, 4, 3)).reshape(layer.groups, layer.results, -1)
    return _matvec(state, place, weights, fold, layer, pixels(node.type.shape), name)


def _conv_at_once(state: Lowering, node: Node, value: Value, place: Place) -> Place:
    """All taps in one token."""
    op: Any = node.op
    layer, name, shape = state.layers[value], state.name(value), state.graph.type(node.operands[0]).shape
    place = state.lanes(place, shape[0], name)
    rank = len(shape) - 1
    height, width = _planar(shape, shape[1:], 1)
    begin, end = _planar(shape, op.pads[:rank], 0), _planar(shape, op.pads[rank:], 0)
    kernel = _planar(shape, layer.weights.shape[2:], 1)
    taps = Taps(height, width, kernel, _planar(shape, op.strides, 1), (*begin, *end))
    place = state.add(f"{name}/taps", taps, place, order=np.zeros(0, np.int64))
    cut = layer.weights.reshape(layer.results, layer.channels, *kernel).transpose(0, 3, 2, 1)
    weights = np.ascontiguousarray(cut).reshape(1, layer.results, -1)
    return _matvec(state, place, weights, state.folds[value], layer, pixels(node.type.shape), name)


def _matvec(
    state: Lowering, place: Place, weights: IntArray, fold: Fold, layer: Layer, order: IntArray, name: str
) -> Place:
    bias = np.zeros(weights.shape[:2], np.int64)
    actor = MatVec(
        frozen(weights, np.int64), bias, fold.pe, fold.simd, layer.lanewise, state.multiplier(layer)
    )  # fmt: skip
    folds, terms = actor.folds
    source = place.source.node
    if folds > 1 and source >= 0 and not isinstance(state.build.nodes[source].actor, Buffer):
        # The engine takes a vector at once and then works on it: meanwhile the layer in front fills the next one.
        return Place(state.build.add(name, actor, place.source, depths=(max(terms, DEFAULT_DEPTH),)), order)
    return state.add(name, actor, place, order=order)


def pad(state: Lowering, node: Node, value: Value) -> Place:
    """A border around every channel's plane: windows of one pixel whose pads hold the number that pads."""
    op: Any = node.op
    shape, name = state.graph.type(node.operands[0]).shape, state.name(value)
    rank = len(shape) - 1
    place = aligned(state, state.ordered(state.take(node.operands[0]), pixels(shape), name), shape[0], name)
    ones = (1,) * rank
    border = MaxPool(ones, ones, (*op.pads[1 : rank + 1], *op.pads[rank + 2 :]), ones)
    return replace(_window(state, place, shape, border, ones, int(op.value), name), order=pixels(node.type.shape))


def matmul(state: Lowering, node: Node, value: Value) -> Place:
    layer, fold, name = state.layers[value], state.folds[value], state.name(value)
    (operand,) = (o for o in node.operands if state.graph.nodes[o].constant is None)
    place = state.take(operand)
    terms = layer.channels
    rows = place.order.reshape(layer.vectors, terms)
    within = rows - np.arange(layer.vectors)[:, None] * terms
    if (within != within[0]).any() or within[0].min() < 0 or within[0].max() >= terms:
        place = state.ordered(place, row_major(place.order.size), name)
        within = np.arange(terms)[None]
    place = state.lanes(place, fold.simd, name)
    weights = layer.weights[None][:, :, within[0]]
    return _matvec(state, place, weights, fold, layer, row_major(node.type.size), name)


def pool(how: str) -> Callable[[Lowering, Node, Value], Place]:
    def rule(state: Lowering, node: Node, value: Value) -> Place:
        op: Any = node.op
        kind = state.graph.type(node.operands[0])
        name = state.name(value)
        place = state.ordered(state.take(node.operands[0]), pixels(kind.shape), name)
        whole = op.kernel == kind.shape[1:] and not any(op.pads) and all(d == 1 for d in op.dilations)
        if whole:
            return _globally(state, place, how, kind.shape, row_major(node.type.size), name)
        place = aligned(state, place, kind.shape[0], name)
        fill = kind.int.lo if how == "max" else 0
        place = _window(state, place, kind.shape, op, op.kernel, fill, name)
        return state.add(name, Reduce(how, int(np.prod(op.kernel))), place, order=pixels(node.type.shape))

    return rule


def _globally(state: Lowering, place: Place, how: str, shape: tuple[int, ...], order: IntArray, name: str) -> Place:
    place = aligned(state, place, shape[0], name)
    rounds = int(np.prod(shape[1:]))
    if rounds == 1:
        return replace(place, order=order)
    return state.add(name, Reduce(how, rounds, shape[0] // state.stream(place).lanes), place, order=order)


def reduce(how: str) -> Callable[[Lowering, Node, Value], Place]:
    """Over all axes but the first, which a stream of pixels brings together; or over the last axis of a vector."""

    def rule(state: Lowering, node: Node, value: Value) -> Place:
        op: Any = node.op
        shape, name = state.graph.type(node.operands[0]).shape, state.name(value)
        axes = tuple(a % len(shape) for a in op.axes)
        kept = tuple(a for a in range(len(shape)) if a not in axes)
        seen = (int(np.prod([shape[a] for a in kept])), int(np.prod([shape[a] for a in axes])))
        order = np.arange(int(np.prod(shape))).reshape(shape).transpose(*axes, *kept).ravel()
        place = state.ordered(state.take(node.operands[0]), order, name)
        return _globally(state, place, how, seen, row_major(node.type.size), name)

    return rule
