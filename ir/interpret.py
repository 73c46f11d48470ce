"""The interpreter: what a graph computes, exactly. On the integer graph it is the golden model.

Every array has a leading batch axis. Float graphs are evaluated in `dtype` (float64 by default; float32 shows what
a float32 executor sees, up to its order of summation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph, Value
from nc.ir.ops.base import Array
from nc.ir.ops.state import State
from nc.ir.types import BOOL, F32, IntType, TensorType

CHUNK = 1024  # samples evaluated together: keeps the working set in cache


def evaluate(
    graph: Graph,
    inputs: Mapping[str, Array],
    *,
    dtype: Any = np.float64,
    probes: tuple[Value, ...] = (),
    chunk: int = CHUNK,
) -> dict[str, Array]:
    """Outputs by name for inputs (N, *shape) by name. `probes` adds values under the names '%index'.

    Of a graph with states the N samples are consecutive time steps of one sequence, from the initial states on.
    Raises NC208 for a missing input, a wrong shape, a fractional number or one out of range for an integer input.
    """
    arrays = bind(graph, inputs, dtype)
    samples = max((len(a) for a in arrays.values()), default=1)
    wanted = {**graph.outputs, **{f"%{v}": v for v in probes}}
    pieces: dict[str, list[Array]] = {label: [] for label in wanted}
    whole = samples if graph.states else chunk
    for start in range(0, max(samples, 1), max(whole, 1)):
        part = {label: a[start : start + whole] for label, a in arrays.items()}
        count = min(whole, samples - start)
        values = _in_time(graph, part, dtype, wanted, count) if graph.states else _run(graph, part, dtype, wanted)
        for label, array in values.items():
            pieces[label].append(np.broadcast_to(array, (count, *array.shape[1:])))
    return {label: np.concatenate(parts) for label, parts in pieces.items()}


def steps(
    graph: Graph, sequence: Iterator[Mapping[str, Array]], *, dtype: Any = np.float64
) -> Iterator[dict[str, Array]]:
    """Run a graph one time step after another on a batch of independent sequences: yields the outputs of each step."""
    states = initial_states(graph)
    wanted = {**graph.outputs, **_fed(graph)}
    for inputs in sequence:
        values = _run(graph, bind(graph, inputs, dtype), dtype, wanted, states)
        states = {s: values.pop(f"next %{s}") for s in states}
        yield values


def initial_states(graph: Graph) -> dict[Value, Array]:
    """What each state holds before the first step, with a batch axis of 1."""
    return {v: op.initial[None] for v in graph.states.values() if isinstance(op := graph.nodes[v].op, State)}


def _fed(graph: Graph) -> dict[str, Value]:
    """By the name 'next %state' the value that each state takes next."""
    return {f"next %{s}": graph.nodes[s].operands[0] for s in graph.states.values()}


def _in_time(
    graph: Graph, inputs: Mapping[str, Array], dtype: Any, wanted: Mapping[str, Value], count: int
) -> dict[str, Array]:
    """Samples as time steps: what no state reaches is computed for all of them at once, the rest step by step."""
    states, fed = initial_states(graph), _fed(graph)
    moving = set(states)
    for v, node in enumerate(graph.nodes):
        if not moving.isdisjoint(node.operands):
            moving.add(v)
    needed = {*wanted.values(), *fed.values(), *(o for v in moving for o in graph.nodes[v].operands)} - moving
    still = _run(graph, inputs, dtype, {str(v): v for v in needed}, skip=moving)
    behind = {**{label: v for label, v in wanted.items() if v in moving}, **fed}
    rest = frozenset(range(len(graph.nodes))) - moving
    rows: dict[str, list[Array]] = {label: [] for label in behind if label in wanted}
    for k in range(max(count, 1)):
        given = {int(v): array[k : k + 1] if len(array) > 1 else array for v, array in still.items()}
        values = _run(graph, {}, dtype, behind, {**given, **states}, skip=rest)
        states = {s: values[f"next %{s}"] for s in states}
        for label, row in rows.items():
            row.append(values[label])
    return {label: np.concatenate(rows[label]) if v in moving else still[str(v)] for label, v in wanted.items()}


def bind(graph: Graph, inputs: Mapping[str, Array], dtype: Any) -> dict[str, Array]:
    """Check inputs against the graph's ports and bring them to the interpreter's kinds. Raises NC208."""
    bound = {}
    for label, value in graph.inputs.items():
        if label not in inputs:
            fail("NC208", f"input '{label}' must be given", help=f"inputs: {', '.join(graph.inputs)}")
        bound[label] = _check(label, np.asarray(inputs[label]), graph.type(value), dtype)
    return bound


def _check(label: str, array: Array, kind: TensorType, dtype: Any) -> Array:
    where = Where(tensor=label)
    if array.shape[1:] != kind.shape:
        fail(
            "NC208",
            f"input '{label}' must have shape (N, {', '.join(map(str, kind.shape))}), not {array.shape}",
            where=where,
        )
    if kind.element == F32:
        return array.astype(dtype)
    if kind.element == BOOL:
        return array.astype(np.bool_)
    whole = array.astype(np.int64)
    if array.dtype.kind == "f" and not np.array_equal(whole, array):
        fail("NC208", f"input '{label}' must hold whole numbers", where=where, help="quantise the data first")
    if isinstance(kind.element, IntType) and whole.size:
        lo, hi = int(whole.min()), int(whole.max())
        if lo < kind.int.lo or hi > kind.int.hi:
            fail(
                "NC208",
                f"input '{label}' must lie in {kind.int.lo}..{kind.int.hi}, not {lo}..{hi}",
                where=where,
                help="set input.<name>.range, or clip the data",
            )
    return whole


def _run(
    graph: Graph,
    inputs: Mapping[str, Array],
    dtype: Any,
    wanted: Mapping[str, Value],
    given: Mapping[Value, Array] | None = None,
    skip: AbstractSet[Value] = frozenset(),
) -> dict[str, Array]:
    """One pass over the nodes but those of `skip` and `given`, whose values are known; a value is dropped after its
    last reader, so that memory stays small."""
    last = {operand: v for v, node in enumerate(graph.nodes) for operand in node.operands}
    keep = set(wanted.values())
    values: dict[Value, Array] = {v: inputs[label] for label, v in graph.inputs.items() if label in inputs}
    values.update(given or {})
    for v, node in enumerate(graph.nodes):
        if v in values or v in skip:
            continue
        result = node.op.evaluate(*(values[o] for o in node.operands))
        values[v] = result.astype(dtype, copy=False) if result.dtype.kind == "f" else result
        for operand in set(node.operands):
            if last[operand] == v and operand not in keep and operand in values:
                del values[operand]
    return {label: values[v] for label, v in wanted.items()}
