"""The verifier: is a graph well formed? Run between passes, always; a failure is a defect of the pass before."""

from __future__ import annotations

from nc.ir.diagnostics import Diagnostic, InternalError, NcError, Where
from nc.ir.graph import Graph
from nc.ir.ops.base import Operand
from nc.ir.ops.state import State
from nc.ir.stages import check_stage
from nc.ir.types import TensorType


def verify(graph: Graph, stage: str = "float") -> None:
    """Raise NcError with every finding: operand order, result types, legality at `stage`."""
    found = check_stage(graph, stage)
    for value, node in enumerate(graph.nodes):
        where = Where(node=node.origin, tensor=f"%{value}")
        late = [o for o in node.operands if o >= value]
        if late and not isinstance(node.op, State):
            found.append(Diagnostic("NC209", f"operand %{late[0]} must come before its reader", where, op=node.op.name))
            continue
        found += _check_type(graph, value, where)
    for label, value in graph.outputs.items():
        if not 0 <= value < len(graph.nodes):
            found.append(Diagnostic("NC205", f"output '{label}' must name a value, not %{value}"))
    if found:
        raise NcError(found)


def _check_type(graph: Graph, value: int, where: Where) -> list[Diagnostic]:
    node = graph.nodes[value]
    if isinstance(node.op, State):
        return []
    operands = [Operand(graph.type(o), graph.nodes[o].constant) for o in node.operands]
    try:
        inferred = node.op.infer_type(*operands)
    except NcError as error:
        return list(error.diagnostics)
    if not _covers(node.type, inferred):
        message = f"'{node.op.name}' must have the type {inferred}, not {node.type}"
        return [Diagnostic("NC205", message, where, op=node.op.name)]
    return _check_meaning(node.type, where)


def _covers(declared: TensorType, inferred: TensorType) -> bool:
    return declared.shape == inferred.shape and declared.element == inferred.element


def _check_meaning(kind: TensorType, where: Where) -> list[Diagnostic]:
    meaning = kind.meaning
    if meaning is None:
        return []
    channels = 1 if meaning.axis is None else kind.shape[meaning.axis]
    if len(meaning.scale) != channels or len(meaning.offset) != channels:
        raise InternalError(f"meaning of {where.tensor} has {len(meaning.scale)} scales for {channels} channels")
    return []
