"""Lowering: the integer graph to a dataflow, one rule an operation.

A tensor travels as a stream of tokens; `Place` says where it comes from and which element is where in it. Layout
operations cost nothing: they change what the places mean. Where an operation needs another order than the one that
arrives, a buffer turns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nc.compiler.streaming.layers import Fold, Layer
from nc.compiler.streaming.order import divisors, row_major, transposed
from nc.compiler.streaming.place import Lowering, Place
from nc.compiler.streaming.rules_lanes import argmax, binary, stairs, unary
from nc.compiler.streaming.rules_layers import conv, matmul, pad, pool, reduce
from nc.ir.dataflow import (
    Dataflow,
    DataflowBuilder,
    Fork,
    Source,
    Stream,
)
from nc.ir.diagnostics import Diagnostic, NcError, Where, fail
from nc.ir.graph import Graph, Node, Value
from nc.ir.ops.constant import Constant
from nc.ir.ops.input import Input
from nc.ir.ops.pad import Pad


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


RULES: dict[str, Callable[[Lowering, Node, Value], Place]] = {
    "conv": conv,
    "matmul": matmul,
    "pad": pad,
    "max_pool": pool("max"),
    "sum_pool": pool("sum"),
    "reduce_sum": reduce("sum"),
    "reduce_max": reduce("max"),
    "argmax": argmax,
    "reshape": _layout,
    "transpose": _transpose,
    **dict.fromkeys(("requantize", "multi_threshold", "table"), stairs),
    **dict.fromkeys(("relu", "clip", "abs", "neg"), unary),
    **dict.fromkeys(("add", "sub", "mul", "minimum", "maximum"), binary),
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
        elif isinstance(node.op, Pad) and not _border(node.op):
            found.append(Diagnostic("NC610", "a streaming 'pad' must put one number around one or two spatial axes",
                                    where, "pad", "compile with --set style=spatial"))  # fmt: skip
        elif node.op.name in ("max_pool", "sum_pool") and node.type.rank not in (2, 3):
            found.append(Diagnostic("NC610", f"a streaming '{node.op.name}' must have one or two spatial axes", where))
        elif node.op.name == "argmax" and node.type.size != 1:
            found.append(Diagnostic("NC610", "a streaming 'argmax' must be over the whole tensor", where))
    return found


def _border(op: Pad) -> bool:
    """A constant around the spatial axes of (C, *spatial)?"""
    half = len(op.pads) // 2
    return op.mode == "constant" and half in (2, 3) and not op.pads[0] and not op.pads[half]
