"""Lowering: the integer graph to a dataflow, one rule an operation.

A tensor travels as a stream of tokens; `Place` says where it comes from and which element is where in it. Layout
operations cost nothing: they change what the places mean. Where an operation needs another order than the one that
arrives, a buffer turns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

import numpy as np

from nc.compiler.streaming import elementwise
from nc.compiler.streaming.layers import Fold, Layer
from nc.compiler.streaming.order import divisors, loops, period, pixels, row_major, transposed
from nc.ir.dataflow import (
    ArgMax,
    Buffer,
    Dataflow,
    DataflowBuilder,
    Fork,
    Gather,
    MatVec,
    Reduce,
    Scatter,
    Source,
    Staircase,
    Stream,
    Taps,
)
from nc.ir.dataflow.graph import DEFAULT_DEPTH, WIRE
from nc.ir.dataflow.streams import IntArray
from nc.ir.diagnostics import Diagnostic, NcError, Where, fail
from nc.ir.graph import Graph, Node, Value
from nc.ir.ops.base import frozen
from nc.ir.ops.constant import Constant
from nc.ir.ops.input import Input
from nc.ir.types import IntType


@dataclass(frozen=True)
class Place:
    """A tensor on its way: its stream, and for each position of the stream the tensor's flat index."""

    source: Source
    order: IntArray


@dataclass
class Lowering:
    """A lowering in progress. `folds`, `layers` by value; `widths` of the ports in bits (None: as they come)."""

    graph: Graph
    layers: Mapping[Value, Layer]
    folds: Mapping[Value, Fold]
    multiplier: Callable[[Layer], str]
    build: DataflowBuilder
    places: dict[Value, list[Place]] = field(default_factory=dict)

    def stream(self, place: Place) -> Stream:
        return self.build.streams[place.source]

    def take(self, value: Value) -> Place:
        """The next unread copy of a value."""
        return self.places[value].pop(0)

    def narrowed(self, place: Place, value: Value) -> Stream:
        """The stream of a value, its range as the graph knows it or as the actors do, whichever is less."""
        stream, known = self.stream(place), self.graph.type(value).int
        kind = IntType(max(stream.kind.lo, known.lo), min(stream.kind.hi, known.hi), known.step)
        return replace(stream, kind=kind)

    def name(self, value: Value) -> str:
        node = self.graph.nodes[value]
        return node.origin or f"{node.op.name}{value}"

    def add(self, name: str, actor: Any, *places: Place, order: IntArray | None = None, wire: bool = False) -> Place:
        depths = (WIRE,) if wire and places[0].source.node >= 0 and self._ends_in_pipe(places[0]) else None
        source = self.build.add(name, actor, *(p.source for p in places), depths=depths)
        return Place(source, places[0].order if order is None else order)

    def _ends_in_pipe(self, place: Place) -> bool:
        return not isinstance(self.build.nodes[place.source.node].actor, Fork)

    def lanes(self, place: Place, wanted: int, name: str) -> Place:
        """The same elements, `wanted` lanes a token."""
        have = self.stream(place).lanes
        common = gcd(have, wanted)
        if have > common:
            place = self.add(f"{name}/scatter", Scatter(have // common), place, wire=True)
        if wanted > common:
            place = self.add(f"{name}/gather", Gather(wanted // common), place, wire=True)
        return place

    def ordered(self, place: Place, order: IntArray, name: str) -> Place:
        """The same tensor in another order, through a buffer of two samples. Raises NC611 for an irregular one."""
        if np.array_equal(place.order, order):
            return place
        where = np.empty(order.size, np.int64)
        where[place.order] = np.arange(order.size)
        wanted = where[order]
        lanes = self.stream(place).lanes
        whole = wanted.reshape(-1, lanes)
        if (whole % lanes != np.arange(lanes)).any() or (whole // lanes != whole[:, :1] // lanes).any():
            place, lanes = self.lanes(place, 1, name), 1
            whole = wanted.reshape(-1, 1)
        nest = loops(whole[:, 0] // lanes)
        if nest is None:
            fail("NC611", "the elements of a tensor must be reordered regularly (by loops of constant strides)",
                 where=Where(node=name), help="compile with --set style=spatial")  # fmt: skip
        return self.add(f"{name}/reorder", Buffer.reorder(len(whole), *nest), place, order=order)


def lower(
    graph: Graph, layers: list[Layer], folds: Mapping[Value, Fold], multiplier: Callable[[Layer], str],
    s_width: int | None = None, m_width: int | None = None,
) -> Dataflow:  # fmt: skip
    """The dataflow of an integer graph. FIFOs are not sized yet. Raises NC610, NC611, NC614."""
    problems = unsupported(graph)
    if problems:
        raise NcError(problems)
    (label,) = graph.inputs
    entry = graph.inputs[label]
    kind = graph.type(entry)
    lanes = _port_lanes(kind.size, kind.int.bits, s_width, _first_simd(graph, layers, folds), f"input '{label}'")
    stream = Stream(kind.size // lanes, lanes, kind.int)
    state = Lowering(
        graph, {layer.value: layer for layer in layers}, folds, multiplier, DataflowBuilder(graph.name, stream)
    )
    (result,) = graph.outputs.values()
    readers = [0] * len(graph.nodes)
    for node in graph.nodes:
        for operand in node.operands:
            readers[operand] += 1
    readers[result] += 1
    for value, node in enumerate(graph.nodes):
        if isinstance(node.op, Constant):
            continue
        if isinstance(node.op, Input):
            place = Place(Source(-1), row_major(kind.size))
        else:
            place = RULES[node.op.name](state, node, value)
        state.places[value] = _copies(state, place, readers[value], value)
    place = _output(state, state.take(result), result, m_width)
    return state.build.finish(place.source)


def _copies(state: Lowering, place: Place, readers: int, value: Value) -> list[Place]:
    if readers <= 1:
        return [place]
    fork = state.add(f"{state.name(value)}/fork", Fork(readers), place)
    return [replace(fork, source=Source(fork.source.node, port)) for port in range(readers)]


def _first_simd(graph: Graph, layers: list[Layer], folds: Mapping[Value, Fold]) -> int:
    """Lanes that suit the first layer."""
    first = layers[0] if layers else None
    if first is None or first.lanewise or (first.taps > 1 and first.channels > 1):
        return 1
    return folds[first.value].simd


def _port_lanes(size: int, bits: int, width: int | None, natural: int, what: str) -> int:
    """Elements a beat: as many as fit `width` bits and divide the tensor evenly. Raises NC614."""
    if width is None:
        return natural if size % natural == 0 else 1
    if width < bits:
        fail("NC614", f"io.width must hold a whole element of {what} in a streaming design ({bits} bits), not {width}",
             help="give a wider port; for an output, output: argmax has few bits")  # fmt: skip
    return max(d for d in divisors(size) if d * bits <= width)


def _output(state: Lowering, place: Place, value: Value, width: int | None) -> Place:
    kind = state.graph.type(value)
    place = state.ordered(place, row_major(kind.size), "output")
    stream = state.stream(place)
    label = next(iter(state.graph.outputs))
    return state.lanes(place, _port_lanes(kind.size, kind.int.bits, width, stream.lanes, f"output '{label}'"), "output")


def _layout(state: Lowering, node: Node, value: Value) -> Place:
    """reshape: the flat index of an element is the same."""
    return state.take(node.operands[0])


def _transpose(state: Lowering, node: Node, value: Value) -> Place:
    place = state.take(node.operands[0])
    op: Any = node.op
    return replace(place, order=transposed(place.order, state.graph.type(node.operands[0]).shape, op.perm))


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


def _conv(state: Lowering, node: Node, value: Value) -> Place:
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


def _matmul(state: Lowering, node: Node, value: Value) -> Place:
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


def _pool(how: str) -> Callable[[Lowering, Node, Value], Place]:
    def rule(state: Lowering, node: Node, value: Value) -> Place:
        op: Any = node.op
        kind = state.graph.type(node.operands[0])
        name = state.name(value)
        place = state.ordered(state.take(node.operands[0]), pixels(kind.shape), name)
        whole = op.kernel == kind.shape[1:] and not any(op.pads) and all(d == 1 for d in op.dilations)
        if whole:
            return _globally(state, place, how, kind.shape, row_major(node.type.size), name)
        place = _aligned(state, place, kind.shape[0], name)
        fill = kind.int.lo if how == "max" else 0
        place = _window(state, place, kind.shape, op, op.kernel, fill, name)
        return state.add(name, Reduce(how, int(np.prod(op.kernel))), place, order=pixels(node.type.shape))

    return rule


def _aligned(state: Lowering, place: Place, channels: int, name: str) -> Place:
    """Tokens that do not reach over a pixel."""
    return state.lanes(place, gcd(state.stream(place).lanes, channels), name)


def _globally(state: Lowering, place: Place, how: str, shape: tuple[int, ...], order: IntArray, name: str) -> Place:
    place = _aligned(state, place, shape[0], name)
    rounds = int(np.prod(shape[1:]))
    if rounds == 1:
        return replace(place, order=order)
    return state.add(name, Reduce(how, rounds, shape[0] // state.stream(place).lanes), place, order=order)


def _reduce(how: str) -> Callable[[Lowering, Node, Value], Place]:
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


def _argmax(state: Lowering, node: Node, value: Value) -> Place:
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


def _stairs(state: Lowering, node: Node, value: Value) -> Place:
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


def _unary(state: Lowering, node: Node, value: Value) -> Place:
    place = state.take(node.operands[0])
    stream = state.narrowed(place, node.operands[0])
    return state.add(f"{state.name(value)}/{node.op.name}", elementwise.fixed(node.op, [stream]), place, wire=True)


def _binary(state: Lowering, node: Node, value: Value) -> Place:
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


RULES: dict[str, Callable[[Lowering, Node, Value], Place]] = {
    "conv": _conv,
    "matmul": _matmul,
    "max_pool": _pool("max"),
    "sum_pool": _pool("sum"),
    "reduce_sum": _reduce("sum"),
    "reduce_max": _reduce("max"),
    "argmax": _argmax,
    "reshape": _layout,
    "transpose": _transpose,
    **dict.fromkeys(("requantize", "multi_threshold", "table"), _stairs),
    **dict.fromkeys(("relu", "clip", "abs", "neg"), _unary),
    **dict.fromkeys(("add", "sub", "mul", "minimum", "maximum"), _binary),
}


def unsupported(graph: Graph) -> list[Diagnostic]:
    """Everything of a graph that has no streaming hardware, all at once (NC610)."""
    found = []
    for what, ports in (("input", graph.inputs), ("output", graph.outputs)):
        if len(ports) != 1:
            found.append(Diagnostic("NC610", f"a streaming design must have one {what}, not {len(ports)}"))
    for node in graph.nodes:
        if isinstance(node.op, (Constant, Input)):
            continue
        where, constants = Where(node=node.origin), [graph.nodes[o].constant is not None for o in node.operands]
        if node.op.name not in RULES:
            message = f"operation '{node.op.name}' must be one that streams"
            found.append(Diagnostic("NC610", message, where, node.op.name, "compile with --set style=spatial"))
        elif all(constants) and constants:
            found.append(Diagnostic("NC610", f"'{node.op.name}' of constants must be folded before", where))
        elif node.op.name == "conv" and (not constants[1] or node.type.rank > 3):
            found.append(Diagnostic("NC610", "a streaming convolution must have constant weights and one or two "
                                    "spatial axes", where))  # fmt: skip
        elif node.op.name == "matmul" and sum(constants) != 1:
            found.append(Diagnostic("NC610", "a streaming matrix product must have one constant operand", where))
        elif node.op.name in ("max_pool", "sum_pool") and node.type.rank not in (2, 3):
            found.append(Diagnostic("NC610", f"a streaming '{node.op.name}' must have one or two spatial axes", where))
        elif node.op.name == "argmax" and node.type.size != 1:
            found.append(Diagnostic("NC610", "a streaming 'argmax' must be over the whole tensor", where))
    return found
