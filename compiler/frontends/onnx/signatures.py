"""What an operator's node must look like: number of operands, attributes with types and defaults.

The standard's own schemas give them for ONNX, a table for QONNX. With them checked, translations need no checks of
form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import onnx
from onnx import AttributeProto, NodeProto

from nc.ir.diagnostics import fail, suggest

STANDARD = ""
QONNX = "qonnx"
MICROSOFT = "com.microsoft"
LUT = "nc.lut"
CHANNELS_LAST = "qonnx.custom_op.channels_last"
CHANNELS_LAST_SET = 13  # the standard's operator set that spells all versions of these layers
ML = "ai.onnx.ml"

_DOMAINS = {
    "": STANDARD,
    "ai.onnx": STANDARD,
    "qonnx.custom_op.general": QONNX,
    "onnx.brevitas": QONNX,
    "finn.custom_op.general": QONNX,
    "com.microsoft": MICROSOFT,
    "nc.lut": LUT,
}
_INT, _FLOAT, _STRING = AttributeProto.INT, AttributeProto.FLOAT, AttributeProto.STRING
_INTS = AttributeProto.INTS


def family(domain: str) -> str:
    """The table that a node's domain belongs to: '' (the standard), 'qonnx', or the domain itself."""
    return _DOMAINS.get(domain, domain)


@dataclass(frozen=True)
class Signature:
    """Operand counts; `attributes`: name -> (type, required, default).

    `operands`: of each the name, the types that it may have ('tensor(float)', ...) and the letter of its type; operands
    with one letter have one type. The last one repeats. Empty: anything goes.
    """

    least: int
    most: int
    attributes: dict[str, tuple[int, bool, Any]]
    operands: tuple[tuple[str, frozenset[str], str], ...] = ()


_QUANT: dict[str, tuple[int, bool, Any]] = {
    "signed": (_INT, False, 1),
    "narrow": (_INT, False, 0),
    "rounding_mode": (_STRING, False, "ROUND"),
}
_QONNX = {
    "Quant": Signature(4, 4, _QUANT),
    "IntQuant": Signature(4, 4, _QUANT),
    "BipolarQuant": Signature(2, 2, {}),
    "Trunc": Signature(5, 6, {**_QUANT, "rounding_mode": (_STRING, False, "FLOOR")}),
    "MultiThreshold": Signature(
        2,
        2,
        {
            "out_dtype": (_STRING, False, ""),
            "out_scale": (_FLOAT, False, 1.0),
            "out_bias": (_FLOAT, False, 0.0),
            "data_layout": (_STRING, False, ""),
        },
    ),
}
_MICROSOFT = {
    "QLinearAdd": Signature(7, 8, {}),
    "QLinearMul": Signature(7, 8, {}),
    "QLinearSigmoid": Signature(4, 5, {}),
    "QLinearLeakyRelu": Signature(4, 5, {"alpha": (_FLOAT, False, 0.009999999776482582)}),
    "QLinearGlobalAveragePool": Signature(5, 5, {"channels_last": (_INT, False, 0)}),
    "QLinearSoftmax": Signature(5, 5, {"axis": (_INT, False, -1), "opset": (_INT, False, 13)}),
    "QLinearConcat": Signature(5, 1 << 16, {"axis": (_INT, True, None)}),
    "QLinearAveragePool": Signature(
        4,
        5,
        {
            "auto_pad": (_STRING, False, "NOTSET"),
            "ceil_mode": (_INT, False, 0),
            "channels_last": (_INT, False, 0),
            "count_include_pad": (_INT, False, 0),
            "kernel_shape": (_INTS, True, None),
            "pads": (_INTS, False, None),
            "strides": (_INTS, False, None),
        },
    ),
    "QGemm": Signature(6, 9, {"alpha": (_FLOAT, False, 1.0), "transA": (_INT, False, 0), "transB": (_INT, False, 0)}),
    "QuantizeLinear": Signature(2, 3, {"axis": (_INT, False, 1)}),
    "DequantizeLinear": Signature(2, 3, {"axis": (_INT, False, 1)}),
    "Gelu": Signature(1, 1, {}),
}
_LUT = {
    "Thermometer": Signature(2, 2, {}),
    "Codes": Signature(2, 2, {"bits": (_INT, True, None), "signed": (_INT, False, 0)}),
    "LutLayer": Signature(3, 3, {"bits": (_INT, False, 1)}),
    "TableSum": Signature(2, 2, {"lo": (_INT, False, 0), "shift": (_INT, False, 0), "bits": (_INT, False, 0)}),
}
_TABLES = {QONNX: _QONNX, MICROSOFT: _MICROSOFT, LUT: _LUT}


@cache
def signature(domain: str, op: str, version: int) -> Signature | None:
    """The signature of an operator, None when the domain's tables do not know it."""
    if domain == CHANNELS_LAST:
        return signature(STANDARD, op, CHANNELS_LAST_SET)
    if domain not in (STANDARD, ML):
        return _TABLES.get(domain, {}).get(op)
    try:
        schema = onnx.defs.get_schema(op, version, domain)
    except onnx.defs.SchemaError:
        return None
    attributes = {}
    for name, entry in schema.attributes.items():
        default = entry.default_value
        known = default is not None and default.type != AttributeProto.UNDEFINED
        kind = int(entry.type.value)  # type: ignore[attr-defined]  # an enumeration at run time
        attributes[name] = (kind, entry.required, _decode(default, default.type) if known else None)
    operands = tuple((i.name, frozenset(i.types), i.type_str if i.is_homogeneous else "") for i in schema.inputs)
    return Signature(schema.min_input, schema.max_input, attributes, operands)


def attributes(node: NodeProto, form: Signature) -> dict[str, Any]:
    """The node's attributes as Python values, defaults filled in (None without one). Raises NC109."""
    found = {}
    for attribute in node.attribute:
        if attribute.name not in form.attributes:
            fail(
                "NC109",
                f"attribute of {node.op_type} must be one that the operator set defines, not '{attribute.name}'",
                help=suggest(attribute.name, form.attributes),
            )
        kind = form.attributes[attribute.name][0]
        if attribute.type not in (kind, AttributeProto.UNDEFINED):
            want, have = AttributeProto.AttributeType.Name(kind), attribute.type
            fail("NC109", f"attribute '{attribute.name}' of {node.op_type} must be a {want}, not of type {have}")
        found[attribute.name] = _decode(attribute, kind)
    for name, (_, required, default) in form.attributes.items():
        if required and name not in found:
            fail("NC109", f"{node.op_type} must have the attribute '{name}'")
        found.setdefault(name, default)
    return found


def check_arity(node: NodeProto, form: Signature) -> None:
    """Raise NC109 when the node has too few or too many operands."""
    count = len(node.input)
    if not form.least <= count <= form.most:
        span = str(form.least) if form.least == form.most else f"{form.least} to {form.most}"
        fail("NC109", f"{node.op_type} must have {span} operands, not {count}")


def check_types(node: NodeProto, form: Signature, types: Sequence[str]) -> None:
    """Raise NC109 for operands of the wrong type ('' where one is left out), or of types that must be equal."""
    bound: dict[str, tuple[str, str]] = {}
    for index, have in enumerate(types if form.operands else ()):
        name, allowed, letter = form.operands[min(index, len(form.operands) - 1)]
        if not have:
            continue
        if f"tensor({have})" not in allowed:
            fail("NC109", f"operand '{name}' of {node.op_type} must not be {have}", help="see the operator's types")
        other, first = bound.setdefault(letter, (have, name))
        if letter and other != have:
            fail(
                "NC109", f"operands '{first}' and '{name}' of {node.op_type} must have one type, not {other} and {have}"
            )


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


_FIELDS: dict[int, Callable[[Any], Any]] = {
    AttributeProto.INT: lambda a: int(a.i),
    AttributeProto.FLOAT: lambda a: float(a.f),
    AttributeProto.STRING: lambda a: _text(a.s),
    AttributeProto.TENSOR: lambda a: a.t,
    AttributeProto.GRAPH: lambda a: a.g,
    AttributeProto.INTS: lambda a: tuple(int(i) for i in a.ints),
    AttributeProto.FLOATS: lambda a: tuple(float(f) for f in a.floats),
    AttributeProto.STRINGS: lambda a: tuple(_text(s) for s in a.strings),
}


def _decode(attribute: AttributeProto, kind: int) -> Any:
    read = _FIELDS.get(kind)
    return None if read is None else read(attribute)
