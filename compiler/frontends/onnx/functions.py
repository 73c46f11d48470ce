"""Functions of a model: the nodes of a body with the values of one call filled in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onnx import FunctionProto, NodeProto

from nc.compiler.frontends.onnx.signatures import STANDARD


def opset_versions(imports: Iterable[Any]) -> dict[str, int]:
    """Operator sets by domain, the standard's under its short name."""
    return {STANDARD if o.domain == "ai.onnx" else o.domain: int(o.version) for o in imports}


def specialised(node: NodeProto, call: NodeProto, function: FunctionProto, omitted: set[str]) -> NodeProto:
    """A node of a function's body with the call's attributes filled in and omitted operands left empty."""
    if not any(a.ref_attr_name for a in node.attribute) and omitted.isdisjoint(node.input):
        return node
    given = {a.name: a for a in function.attribute_proto}
    given.update({a.name: a for a in call.attribute})
    copy = NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            copy.attribute.append(attribute)
        elif attribute.ref_attr_name in given:
            bound = copy.attribute.add()
            bound.CopyFrom(given[attribute.ref_attr_name])
            bound.name = attribute.name
    for index, name in enumerate(copy.input):
        if name in omitted:
            copy.input[index] = ""
    return copy
