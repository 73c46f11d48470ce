"""Exported programs as ONNX models: each call of an ATen operator becomes nodes by the table in `torch_writer`.

Keys of the table are names without namespace, overload and leading or trailing underscore. An operator without an
entry becomes a node of the domain 'aten', which the importer reports together with everything else that is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from onnx import ModelProto, TensorProto, helper

from nc.compiler.frontends import (  # noqa: F401
    torch_aten_attention,
    torch_aten_elementwise,
    torch_aten_layers,
    torch_aten_layout,
    torch_aten_quantised,
    torch_aten_recurrent,
)
from nc.compiler.frontends.torch_archive import Call, Meta, Program, Ref
from nc.compiler.frontends.torch_writer import HANDLERS, Arguments, Writer
from nc.ir.diagnostics import Diagnostic, NcError, Where, fail

OPSET = 21


def to_onnx(program: Program) -> ModelProto:
    """The program as an ONNX model; weights become inputs, to be bound by name. Raises NC103 for all bad arguments."""
    writer = Writer(program.metas)
    found = []
    for call in program.calls:
        writer.label = f"{call.path}/{call.name}" if call.path else call.name
        try:
            _write(writer, call)
        except NcError as error:
            found += [replace(d, where=Where(node=writer.label)) for d in error.diagnostics]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
            message = f"arguments of {call.target} must follow its schema: {error!r}"
            found.append(Diagnostic("NC109", message, Where(node=writer.label), help="export the program again"))
    if found:
        raise NcError(found)
    inputs = [_port(name, program.metas[name]) for name in (*program.inputs, *program.weights)]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in program.outputs]
    graph = helper.make_graph(writer.nodes, "torch", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


def _port(name: str, meta: Meta) -> Any:
    shape = [extent if extent is not None else f"{name}_{axis}" for axis, extent in enumerate(meta.shape)]
    return helper.make_tensor_value_info(name, meta.dtype, shape)


def _write(writer: Writer, call: Call) -> None:
    space, base, overload = (*call.target.split("."), "", "")[:3]
    changes = base.endswith("_") and not base.endswith("__")
    if changes and base not in ("detach_",):
        fail(
            "NC103",
            f"{call.target} must not change its operand in place",
            help="call exported.run_decompositions({}) before torch.export.save",
        )
    handler = HANDLERS.get(base.strip("_"))
    if handler is None:
        tensors = [v.name for v in call.arguments.values() if isinstance(v, Ref)]
        writer.nodes.append(
            helper.make_node(f"{base}.{overload}", tensors, list(call.results), name=writer.label, domain=space)
        )
        return
    made = handler(writer, Arguments(call, overload))
    names = [made] if isinstance(made, str) else made
    for result, name in zip(call.results, names):
        if name:
            writer.nodes.append(helper.make_node("Identity", [name], [result], name=writer.label))
