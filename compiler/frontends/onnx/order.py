"""The order of evaluation of a list of nodes, and the nodes that form cycles."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from onnx import NodeProto


def in_order(nodes: Sequence[NodeProto], known: Container[str]) -> tuple[list[NodeProto], list[NodeProto]]:
    """Nodes sorted so that operands come first (stable), and those that can never run because of a cycle.

    Operands that nobody makes do not hold a node back: they are reported where they are read.
    """
    maker = {name: i for i, node in enumerate(nodes) for name in node.output if name and name not in known}
    waits = [{maker[name] for name in _read(node) if name in maker} for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for index, before in enumerate(waits):
        for other in before:
            readers[other].append(index)
    if all(other < index for index, before in enumerate(waits) for other in before):
        return list(nodes), []
    missing = [len(before) for before in waits]
    ready = [index for index, count in enumerate(missing) if count == 0]
    ordered = []
    for index in ready:  # grows while it is read
        ordered.append(nodes[index])
        for reader in readers[index]:
            missing[reader] -= 1
            if missing[reader] == 0:
                ready.append(reader)
    done = set(ready)
    return ordered, [node for index, node in enumerate(nodes) if index not in done]


def _read(node: NodeProto) -> Iterator[str]:
    """The names that a node reads, those that its branches read around them included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _read(inner)
        yield from (output.name for output in attribute.g.output)
