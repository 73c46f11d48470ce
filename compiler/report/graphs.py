"""What the graph of a build looks like: boxes with operations, types and ranges, and what its constants cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.compiler.report.drawing import Box
from nc.ir.graph import Graph
from nc.ir.ops.constant import Constant
from nc.ir.types import IntType, TensorType

MOST_BOXES = 150
"""Operations drawn at most; a page of more is no help."""


def boxes(model: Any) -> list[Box]:
    """The boxes of a tensor graph, or of a spiking network's populations and projections; constants are notes."""
    if isinstance(model, Graph):
        return _of_graph(model)
    network = getattr(model, "network", model)
    number = {p.name: i for i, p in enumerate(network.populations)}
    reads: dict[str, list[int]] = {}
    notes: dict[str, list[str]] = {}
    for link in network.projections:
        if link.source != link.target:
            reads.setdefault(link.target, []).append(number[link.source])
        notes.setdefault(link.target, []).append(f"{link.connectivity.kind} from {link.source}")
    return [
        Box(number[p.name], f"{p.name}: {getattr(p, 'kind', '') or p.model}",
            f"{p.size} neurons, {getattr(p, 'state_bits', 0)}-bit state", ", ".join(notes.get(p.name, [])),
            tuple(reads.get(p.name, ())))
        for p in network.order
    ]  # fmt: skip


def _of_graph(graph: Graph) -> list[Box]:
    found = []
    for value, node in enumerate(graph.nodes):
        if isinstance(node.op, Constant):
            continue
        constants = [o for o in node.operands if isinstance(graph.nodes[o].op, Constant)]
        note = ", ".join(f"weights {graph.type(o)}" for o in constants)
        label = getattr(node.op, "label", "") or node.origin
        title = f"{node.op.name} {label}".rstrip()
        reads = tuple(o for o in node.operands if o not in constants)
        found.append(Box(value, title, described(node.type), note, reads))
    outputs = [
        Box(len(graph.nodes) + i, f"output {label}", described(graph.type(v)), "", (v,))
        for i, (label, v) in enumerate(graph.outputs.items())
    ]
    return [*found[:MOST_BOXES], *(o for o in outputs if len(found) <= MOST_BOXES)]


def described(kind: TensorType) -> str:
    """Shape, bits and exact range of a value.

    >>> described(TensorType((16,), IntType(-784, 1440)))
    '[16], 12 bits, -784…1440'
    """
    shape = f"[{', '.join(map(str, kind.shape))}]"
    element = kind.element
    if not isinstance(element, IntType):
        return f"{shape} {element}"
    step = f" step {element.step}" if element.step != 1 else ""
    return f"{shape}, {element.bits} bit{'s' if element.bits > 1 else ''}, {element.lo}…{element.hi}{step}"


def layer_costs(model: Any) -> list[tuple[str, int, int]]:
    """(layer, numbers, signed digits) of each constant with a reader: what multiplying by it would take in adders
    before anything is shared is about one addition a non-zero digit of the canonical signed-digit form."""
    if not isinstance(model, Graph):
        model = getattr(model, "graph", None)
    if not isinstance(model, Graph):
        return []
    rows = []
    for value, node in enumerate(model.nodes):
        if node.constant is None or not model.users[value] or node.constant.dtype.kind not in "iu":
            continue
        reader = model.nodes[model.users[value][0]]
        rows.append(
            (reader.origin or node.origin or f"%{value}", int(node.constant.size), signed_digits(node.constant))
        )
    return rows


def signed_digits(values: np.ndarray[Any, Any]) -> int:
    """Non-zero digits of the canonical signed-digit form of all values: popcount(x xor 3x) each (Reitwieser 1960).

    >>> signed_digits(np.array([0, 1, 7, -7, 5]))
    7
    """
    x = np.abs(values.astype(np.int64))
    return int(np.bitwise_count(x ^ (3 * x)).sum())
