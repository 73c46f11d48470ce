"""What a file of a classical model is, before its nodes are read: labels with names, whole-number features, outputs.

A string has no integers, so names become their index: hardware gives the index of the class, and the table of names
goes into the manifest. Where a model computes a label, that is the output; scores beside it are for the host.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from nc.compiler.frontends.onnx.signatures import ML

CLASS = "class"  # as `nc.compiler.ports.CLASS`: an output that is a decision
_WHOLE = (TensorProto.INT64, TensorProto.INT32)
_NAMES = ("classlabels_strings", "classes_strings")


def is_classical(model: ModelProto) -> bool:
    """Whether a model uses operators of ONNX-ML."""
    return any(node.domain == ML for node in model.graph.node)


def numbered(model: ModelProto) -> ModelProto:
    """The model with indices for class names, real features, and the label alone as output `class`: a copy.

    Itself where it is no classical model.
    """
    if not is_classical(model):
        return model
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    label = label_output(model.graph)
    needed = _needed(graph, [o.name for o in ([label] if label is not None else graph.output)])
    del graph.node[:]
    graph.node.extend(needed)
    for number, tensor in enumerate(model.graph.initializer):
        if tensor.data_type == TensorProto.STRING:
            count = len(tensor.string_data)
            made = helper.make_tensor(tensor.name, TensorProto.INT64, list(tensor.dims), list(range(count)))
            graph.initializer[number].CopyFrom(made)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.STRING:
                attribute.i = TensorProto.INT64
    for port in graph.input:
        if port.type.tensor_type.elem_type in _WHOLE:
            port.type.tensor_type.elem_type = TensorProto.FLOAT
    if label is not None:
        _alone(graph, label)
    return copy


def _alone(graph: GraphProto, label: ValueInfoProto) -> None:
    """Make the label the one output, under the name `class` unless another tensor has it."""
    del graph.output[:]
    kept = graph.output.add()
    kept.CopyFrom(label)
    kept.type.tensor_type.elem_type = TensorProto.INT64
    names = {name for node in graph.node for name in (*node.input, *node.output)} | {i.name for i in graph.input}
    if CLASS in names:
        return
    kept.name = CLASS
    for node in graph.node:
        for side in (node.input, node.output):
            for place, name in enumerate(side):
                if name == label.name:
                    side[place] = CLASS


def _needed(graph: GraphProto, names: Sequence[str]) -> list[NodeProto]:
    """The nodes that the tensors `names` depend on, in order: scores that only the host reads are not made."""
    makers = {name: number for number, node in enumerate(graph.node) for name in node.output if name}
    found: set[int] = set()
    stack = list(names)
    while stack:
        number = makers.get(stack.pop())
        if number is not None and number not in found:
            found.add(number)
            stack += graph.node[number].input
    return [node for number, node in enumerate(graph.node) if number in found]


def class_names(model: ModelProto) -> list[str]:
    """The names of the classes, by index; empty where labels are numbers."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in _NAMES and attribute.type == AttributeProto.STRINGS and attribute.strings:
                return [s.decode("utf-8", "replace") for s in attribute.strings]
    named = [t for t in model.graph.initializer if t.data_type == TensorProto.STRING]
    return [s.decode("utf-8", "replace") for s in named[0].string_data] if named else []


def label_output(graph: GraphProto) -> ValueInfoProto | None:
    """The one output that is a label: whole numbers or names. None where there is none, or several."""
    found = [o for o in graph.output if o.type.tensor_type.elem_type in (*_WHOLE, TensorProto.STRING)]
    return found[0] if len(found) == 1 else None
