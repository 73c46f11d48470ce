"""How diagnostics name a node of the model, and what they advise where an operator is missing."""

from __future__ import annotations

from onnx import NodeProto

HINTS = {
    "If": "export without control flow (branches on data have no hardware form)",
    "Loop": "export without loops; unroll them in the model",
    "Scan": "export without loops; unroll them in the model",
    "DynamicQuantizeLinear": "use static quantisation; a scale that depends on the data needs a divider",
    "NonZero": "its result has a shape that depends on the data",
}


def label(node: NodeProto) -> str:
    """The node's name, or that of its first result."""
    return node.name or next(filter(None, node.output), node.op_type)


def text(node: NodeProto) -> str:
    """The node in one line, as diagnostics show it."""
    return f"{', '.join(node.output)} = {node.op_type}({', '.join(node.input)})"
