"""Recurrent layers: RNN, GRU and LSTM become the operations of one time step, or of every step of a sequence.

Where the time axis lies decides. If it is the leading axis of the model's input, every sample is one step: the layer
keeps its state in `state` operations, and hardware keeps it in registers from one transaction to the next. If it lies
inside a sample, the layer is laid out once a step, and nothing is kept from one sample to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nc.compiler.frontends.onnx.cells import CELLS, Cell, Direction
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.graph import Value
from nc.ir.ops.base import Array
from nc.ir.ops.concat import Concat
from nc.ir.ops.state import State
from nc.ir.ops.transpose import Transpose
from nc.ir.types import F32, TensorType

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
_MOST_STEPS = 1024


@dataclass(frozen=True)
class Steps:
    """The input by time: `steps` of shape `batch` + (features,); `live` where each sample is the one step there is."""

    steps: list[Tensor]
    live: bool


@translates("RNN", "GRU", "LSTM")
def recurrent(node: Node) -> list[Tensor]:
    """Y (time, directions, batch, hidden), Y_h and Y_c (directions, batch, hidden), in the layout that is asked for."""
    cell = CELLS[node.op]
    reverses = _DIRECTIONS.get(node.attributes["direction"])
    if reverses is None:
        fail("NC109", f"direction of {node.op} must be one of {', '.join(_DIRECTIONS)}")
    sequence = _sequence(node)
    _check(node, len(sequence.steps), sequence.live)
    if sequence.live and reverses != (False,):
        node.refuse(
            f"{node.op} must run forward where every sample is one step of time, not {node.attributes['direction']}",
            help="a step cannot see later ones; put the time axis behind the batch axis to compute whole sequences",
        )
    outputs, finals = [], []
    for k, reverse in enumerate(reverses):
        made, last = _run(node, cell, Direction.of(node, cell, k, len(reverses)), sequence, reverse)
        outputs.append(made)
        finals.append(last)
    return _results(node, sequence, outputs, finals)


def _sequence(node: Node) -> Steps:
    """Cut the input along time; every step has shape (*batch, features)."""
    x, layout = node[0], node.attributes.get("layout", 0)
    if x.rank != 3:
        fail("NC109", f"{node.op} must have an input (time, batch, features), not {x}")
    if x.batched and (x.lead, layout) == (0, 0):  # the leading axis of the model is time
        return Steps([x], True)
    if x.batched and x.lead + layout == 1:
        return Steps(_cut(node, replace(x, lead=0)), False)
    if x.batched:
        fail(
            "NC105",
            f"the samples' axis of {node.op} with layout {layout} must be its batch or, in front, its time, not {x}",
            help="export with batch_first=True and the batch in front, or with the time axis in front",
        )
    return Steps(_cut(node, node.emit(Transpose((1, 0, 2)), x) if layout else x), False)


def _cut(node: Node, x: Tensor) -> list[Tensor]:
    count = x.shape[0]
    if not 1 <= count <= _MOST_STEPS:
        node.refuse(
            f"a sequence inside a sample must have 1 to {_MOST_STEPS} steps, not {count}: each is laid out by itself",
            help="put the time axis in front, so that every sample is one step",
        )
    return [node.reshape(node.cut(x, 0, t, t + 1), x.shape[1:]) for t in range(count)]


def _check(node: Node, steps: int, live: bool) -> None:
    """Refuse what the standard offers and no exporter of ours writes."""
    if node.attributes["clip"] is not None:
        node.refuse(f"{node.op} must not clip its gates", help="quantisers bound them: train and export without clip")
    if node.attributes.get("input_forget"):
        node.refuse(f"{node.op} must have separate input and forget gates", help="export with input_forget=0")
    lengths = node.maybe(4)
    if lengths is not None and (lengths.data is None or live or np.any(lengths.data != steps)):
        node.refuse(
            f"sequences of {node.op} must fill all {steps} steps, with no sequence_lens",
            help="hardware computes a fixed number of steps: pad at the front, or make every sample one step",
        )


def _run(
    node: Node, cell: Cell, direction: Direction, sequence: Steps, reverse: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """The hidden state after every step, in the order of time, and the last value of every state."""
    shape = (*sequence.steps[0].shape[:-1], direction.hidden)
    layer = node.build.origin
    kept: list[Tensor] = []
    if sequence.live:
        kept = [_state(node, f"{layer}/{name}", shape, k) for k, name in enumerate(cell.states)]
        state = list(kept)
    else:
        state = [_initial(node, direction.number, shape, k) for k in range(len(cell.states))]
    made = []
    for x in reversed(sequence.steps) if reverse else sequence.steps:
        state = cell.step(node, direction, x, state)
        made.append(state[0])
    for before, after in zip(kept, state, strict=True) if kept else ():
        node.build.feed(node.lower(before), node.lower(after))
    node.build.origin = layer
    return made[::-1] if reverse else made, state


def _state(node: Node, label: str, shape: tuple[int, ...], which: int) -> Tensor:
    """A state of the graph, from a constant initial value."""
    stated = node.maybe(5 + which)
    if stated is not None and stated.data is None:
        node.refuse(
            f"the initial state of {node.op} must be constant where every sample is one step of time",
            help="leave it out: the state is kept from step to step, and reset brings back the initial one",
        )
    initial = np.zeros(shape) if stated is None or stated.data is None else _fitted(node, stated.data, shape)
    taken = {n.op.label for n in node.build.nodes if isinstance(n.op, State)}
    while label in taken:  # nodes of one name
        label += "'"
    value: Value = node.build.state(label, TensorType(shape, F32), initial)
    return Tensor(node[0].dtype, shape, value, None, True)


def _initial(node: Node, number: int, shape: tuple[int, ...], which: int) -> Tensor:
    """The state before the first step of a sequence in a sample: zero, or the operand's."""
    stated = node.maybe(5 + which)
    if stated is None:
        return constant(np.zeros(shape), node[0].dtype)
    if stated.data is not None and np.all(stated.data == 0):
        return constant(np.zeros(shape), node[0].dtype)
    layout = node.attributes.get("layout", 0)
    if not stated.batched and layout:
        stated = node.emit(Transpose((1, 0, 2)), stated)
    if stated.batched and stated.lead != 1 - layout or len(stated.shape) != len(shape) + 1:
        fail("NC109", f"the initial state of {node.op} must be (directions, batch, hidden), not {stated}")
    one = node.cut(replace(stated, lead=0), 0, number, number + 1)
    return node.reshape(one, one.shape[1:])


def _fitted(node: Node, data: Array, shape: tuple[int, ...]) -> Array:
    """(1, batch, hidden) as the state's shape. Raises NC109."""
    if data.shape != (1, *shape):
        fail("NC109", f"the initial state of {node.op} must have shape {[1, *shape]}, not {list(data.shape)}")
    return data.reshape(shape)


def _results(
    node: Node, sequence: Steps, outputs: Sequence[Sequence[Tensor]], finals: Sequence[Sequence[Tensor]]
) -> list[Tensor]:
    results = []
    if node.wants(0):
        results.append(_sequence_out(node, sequence, outputs))
    else:
        results.append(node[0])  # nobody reads it
    for which in range(len(finals[0])):
        results.append(_final(node, sequence, [f[which] for f in finals]) if node.wants(1 + which) else node[0])
    return results


def _sequence_out(node: Node, sequence: Steps, outputs: Sequence[Sequence[Tensor]]) -> Tensor:
    batched, layout = node[0].batched, node.attributes.get("layout", 0)
    rows = []
    for t in range(len(sequence.steps)):
        each = [node.reshape(made[t], (1, *made[t].shape)) for made in outputs]
        rows.append(each[0] if len(each) == 1 else node.emit(Concat(0), *each))
    if sequence.live:
        return rows[0]
    whole = [node.reshape(row, (1, *row.shape)) for row in rows]
    made = whole[0] if len(whole) == 1 else node.emit(Concat(0), *whole)
    if batched:
        return replace(made, lead=0 if layout else 2)
    return node.emit(Transpose((2, 0, 1, 3)), made) if layout else made


def _final(node: Node, sequence: Steps, last: Sequence[Tensor]) -> Tensor:
    batched, layout = node[0].batched, node.attributes.get("layout", 0)
    each = [node.reshape(made, (1, *made.shape)) for made in last]
    made = each[0] if len(each) == 1 else node.emit(Concat(0), *each)
    if sequence.live:  # (directions, batch, hidden), as of this step
        return replace(made, batched=False)
    if batched:
        return replace(made, lead=0 if layout else 1)
    return node.emit(Transpose((1, 0, 2)), made) if layout else made
