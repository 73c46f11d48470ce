"""The search started from a user's own model: its topology, ports and data become a front, and one point is picked.

The model (one hidden layer) says how wide the circuit's layers are and what its inputs mean; weights are trained anew
with the hardware's arithmetic. Labels are the data's own or, where they have none, the model's decisions.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.answers import decisions
from nc.compiler.builds.manifest import tool_version
from nc.compiler.printed.genome import Shape
from nc.compiler.printed.search import Plan, Point, search
from nc.compiler.printed.to_graph import to_graph
from nc.ir.cache import cache_folder
from nc.ir.diagnostics import fail
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.matmul import MatMul

Array = np.ndarray[Any, np.dtype[Any]]

WIDEST_INPUT = 8


def topology(graph: Graph, hidden: int | None = None) -> Shape:
    """The shape of an integer MLP with one hidden layer; `hidden` neurons instead of its own. Raises NC650."""
    advice = "the search makes MLPs of one hidden layer; leave approx.search out to compile the model as it is"
    layers = [
        graph.type(v).shape[-1]
        for v, node in enumerate(graph.nodes)
        if isinstance(node.op, MatMul) and any(graph.nodes[o].constant is not None for o in node.operands)
    ]
    if len(layers) != 2 or len(graph.inputs) != 1:
        fail("NC650", f"a model to be searched must have two dense layers, not {len(layers)}", help=advice)
    kind = graph.type(next(iter(graph.inputs.values())))
    if kind.rank != 1 or kind.int.lo < 0 or kind.int.hi >= 1 << WIDEST_INPUT:
        fail("NC650", f"a searched model must have one vector of at most {WIDEST_INPUT} unsigned bits, not {kind}",
             help="--set input.NAME.bits=4 --set input.NAME.signed=false, with features scaled to 0..1")  # fmt: skip
    classes = max(2, layers[1])
    return Shape(kind.shape[0], hidden or layers[0], classes, input_bits=max(1, kind.int.hi.bit_length()), max_bits=4)


def front_of(
    graph: Graph, x: Array, y: Array | None, plan: Plan, hidden: int | None = None
) -> tuple[Shape, list[Point]]:
    """The front on integer samples `x` (N, F); kept in the user's cache, so that a killed search goes on and another
    floor or budget costs nothing. Raises NC650, NC655, NC656."""
    shape = topology(graph, hidden)
    label = next(iter(graph.inputs))
    labels = decisions(graph, evaluate(graph, {label: x})) if y is None else y
    digest = hashlib.sha256(np.ascontiguousarray(x).tobytes() + np.ascontiguousarray(labels).tobytes())
    digest.update(repr((asdict(shape), asdict(plan), tool_version())).encode())  # another release may search otherwise
    state = cache_folder() / "printed" / f"{digest.hexdigest()[:20]}.npz"
    with _alone(state):
        return shape, search(shape, x, labels, plan, checkpoint=state)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Workers of one exploration may ask for the same search at once: the first one works, the others read."""
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def as_model(graph: Graph, point: Point, shape: Shape) -> Graph:
    """A point as a graph with the ports of the model it replaces."""
    ((label, value),) = graph.inputs.items()
    kind = graph.type(value)
    return to_graph(point.genome, shape, name=graph.name, top_code=kind.int.hi, meaning=kind.meaning, label=label)


def ordered(front: list[Point], floor: float | None) -> Iterator[Point]:
    """The points to be tried, best first: above a floor the smallest first, without one the most accurate first."""
    if floor is not None:
        return iter(sorted((p for p in front if p.smoothed >= floor), key=lambda p: p.area_mm2))
    return iter(sorted(front, key=lambda p: (-p.smoothed, p.area_mm2)))
