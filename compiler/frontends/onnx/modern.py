"""Old operator sets: a model is brought to the oldest one whose operators are translated.

Sets 1..5 are spelled as set 6, from which onnx' own converter goes on: before, it lacks the shapes that it needs.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper, version_converter

from nc.compiler.frontends.onnx.functions import opset_versions
from nc.compiler.frontends.onnx.signatures import STANDARD
from nc.ir.diagnostics import fail

OLDEST_OPSET = 7
_CONVERTED = 6  # the oldest set that onnx' converter takes whole


def modernised(model: ModelProto) -> ModelProto:
    """The model, with operators of sets 1..6 rewritten as those of set 7. Raises NC115."""
    version = opset_versions(model.opset_import).get(STANDARD)
    if version is None or not 1 <= version < OLDEST_OPSET:
        return model
    copy = ModelProto()
    copy.CopyFrom(model)
    for info in (*copy.graph.input, *copy.graph.output, *copy.graph.value_info):
        for dim in info.type.tensor_type.shape.dim:
            if dim.WhichOneof("value") != "dim_value":
                dim.dim_value = 1  # the converter takes numbers only; those of the file come back below
    if version < _CONVERTED:
        _respelled(copy, version)
    try:
        made = version_converter.convert_version(copy, OLDEST_OPSET)
    except Exception as error:  # the converter raises bare RuntimeErrors of its C++ part
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        fail(
            "NC115",
            f"a model of operator set {version} must convert to set {OLDEST_OPSET}: {first}",
            help="export the model again with a newer operator set",
        )
    declared = {info.name: info for info in (*model.graph.input, *model.graph.output)}
    for info in (*made.graph.input, *made.graph.output):
        if info.name in declared:
            info.CopyFrom(declared[info.name])
    return made


def _respelled(model: ModelProto, version: int) -> None:
    """Operators of sets 1..5 as set 6 writes them: attributes renamed, dropped, or made operands."""
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = _CONVERTED
    for index, node in enumerate(model.graph.node):
        if node.domain in ("", "ai.onnx"):
            _respell(model, node, index, version)


def _respell(model: ModelProto, node: NodeProto, index: int, version: int) -> None:
    try:
        known = onnx.defs.get_schema(node.op_type, _CONVERTED, "").attributes
    except onnx.defs.SchemaError:
        return  # reported by the walk
    if node.op_type == "Concat" and version < 4 and not any(a.name == "axis" for a in node.attribute):
        node.attribute.append(helper.make_attribute("axis", 1))
    for attribute in list(node.attribute):
        name = attribute.name
        if name == "paddings" and node.op_type == "Pad":
            attribute.name = "pads"
        elif name == "to" and attribute.type == AttributeProto.STRING:
            node.attribute.remove(attribute)
            kind = attribute.s.decode(errors="replace").upper()
            kinds = dict(TensorProto.DataType.items())
            if kind not in kinds:
                fail("NC109", f"'to' of Cast must be an element type, not '{kind}'")
            node.attribute.append(helper.make_attribute("to", kinds[kind]))
        elif name == "shape" and node.op_type == "Reshape":
            node.attribute.remove(attribute)
            operand = f"nc/shape{index}"
            model.graph.initializer.append(numpy_helper.from_array(np.array(attribute.ints, np.int64), operand))
            model.graph.input.append(helper.make_tensor_value_info(operand, TensorProto.INT64, [len(attribute.ints)]))
            node.input.append(operand)
        elif name == "consumed_inputs" and name not in known:
            node.attribute.remove(attribute)  # a hint for memory
