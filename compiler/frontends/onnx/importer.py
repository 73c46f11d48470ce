"""From an ONNX model to the graph: inputs, initialisers, nodes in order, functions inlined, every problem at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from nc.compiler.frontends.onnx import translations  # noqa: F401  (fills the table)
from nc.compiler.frontends.onnx.decode import decode
from nc.compiler.frontends.onnx.node import Node, constant
from nc.compiler.frontends.onnx.order import in_order
from nc.compiler.frontends.onnx.registry import TRANSLATIONS
from nc.compiler.frontends.onnx.signatures import (
    STANDARD,
    attributes,
    check_arity,
    check_types,
    family,
    signature,
)
from nc.compiler.frontends.onnx.tensors import check_dtype, check_size, default_opset, element_of, to_numpy, type_name
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import Collector, Diagnostic, NcError, Where, fail
from nc.ir.graph import Builder, Graph
from nc.ir.ops.base import Array
from nc.ir.types import TensorType

OLDEST_OPSET = 7
_DEEPEST_CALL = 32
MAX_INLINED = 50_000  # nodes that come from functions

Environment = dict[str, Tensor | None]  # None: its maker failed, so its readers are passed over


def read_onnx(
    path: str | Path, *, batch: str | None = "first", shapes: Mapping[str, Sequence[int]] | None = None
) -> Graph:
    """The float graph of a model file (.onnx). Parameters as for `from_onnx`.

    Raises NcError with every problem found (NC1xx), each with the node's name, its operator and what to do.
    """
    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        fail("NC101", f"the model must be a readable file: {error.strerror}", where=Where(file=file.name))
    try:
        model = decode(content)
        return from_onnx(model, batch=batch, shapes=shapes, folder=file.parent, name=file.stem)
    except NcError as error:
        raise error.located(file=file.name) from None


def from_onnx(
    model: ModelProto,
    *,
    batch: str | None = "first",
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Array] | None = None,
    folder: Path | None = None,
    name: str = "",
) -> Graph:
    """The float graph of a model in memory.

    batch: 'first' takes the leading axis of every input as the batch, whatever number the model states, and drops it
    from the shapes; None keeps every tensor whole (evaluate with one sample). shapes: whole shapes of inputs, over
    those that the model states. constants: inputs to bind to fixed arrays. folder: where external data may lie.
    Raises NcError (NC1xx) with every problem found.
    """
    if not model.HasField("graph") or not model.graph.output:
        fail("NC101", "the file must hold a graph with outputs", help="it is not an ONNX model, or it is damaged")
    work = _Import(model, batch == "first", dict(shapes or {}), dict(constants or {}), folder)
    return work.run(name or model.graph.name or "model")


@dataclass
class _Scope:
    """Names and operator sets in force: of the model's graph, or of one call of a function."""

    env: Environment
    opsets: dict[str, int]
    prefix: str = ""
    depth: int = 0


@dataclass
class _Import:
    model: ModelProto
    batch_first: bool
    shapes: dict[str, Sequence[int]]
    constants: dict[str, Array]
    folder: Path | None
    build: Builder = field(default_factory=Builder)
    found: Collector = field(default_factory=Collector)
    made: dict[Any, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    declared_batch: int | None = None
    count: int = 0
    too_many: bool = False

    def run(self, name: str) -> Graph:
        graph = self.model.graph
        self.build.name = name
        self.functions = {(f.domain, f.name): f for f in self.model.functions}
        scope = _Scope({}, _opsets(self.model.opset_import))
        self._check_operators(graph.node, scope.opsets)
        self._initialisers(graph, scope)
        self._inputs(graph, scope)
        self._nodes(graph.node, scope)
        for output in graph.output:
            self._output(output.name, scope)
        self.found.raise_if_any()
        return self.build.finish()

    # ---- declarations ---------------------------------------------------------------------------------------------

    def _initialisers(self, graph: GraphProto, scope: _Scope) -> None:
        for sparse in graph.sparse_initializer:
            self._report("NC103", "initialisers must be dense, not sparse", Where(tensor=sparse.values.name))
            scope.env[sparse.values.name] = None
        for tensor in graph.initializer:
            self._guarded(tensor.name, lambda t=tensor: self._initialiser(t, scope), scope, Where(tensor=tensor.name))

    def _initialiser(self, tensor: TensorProto, scope: _Scope) -> None:
        if tensor.name in scope.env:
            fail("NC109", f"tensor '{tensor.name}' must be defined once")
        data = to_numpy(tensor, self.folder)
        self.labels[id(data)] = tensor.name
        scope.env[tensor.name] = constant(data, tensor.data_type)

    def _inputs(self, graph: GraphProto, scope: _Scope) -> None:
        for info in graph.input:
            if info.name not in scope.env:
                self._guarded(info.name, lambda i=info: self._input(i, scope), scope, Where(tensor=info.name))

    def _input(self, info: ValueInfoProto, scope: _Scope) -> None:
        if info.type.WhichOneof("value") != "tensor_type":
            fail("NC114", f"input '{info.name}' must be a tensor, not a sequence, map, optional or sparse tensor")
        dtype = info.type.tensor_type.elem_type
        check_dtype(dtype, Where())
        if info.name in self.constants:
            scope.env[info.name] = self._bound(info.name, dtype)
            return
        shape = self._shape(info)
        check_size(shape)
        value = self.build.input(info.name, TensorType(shape, element_of(dtype)))
        scope.env[info.name] = Tensor(dtype, shape, value, None, self.batch_first)

    def _bound(self, name: str, dtype: int) -> Tensor:
        from nc.compiler.frontends.onnx.tensors import widen

        data = widen(np.asarray(self.constants[name]))
        self.labels[id(data)] = name
        return constant(data, dtype)

    def _shape(self, info: ValueInfoProto) -> tuple[int, ...]:
        """The shape of one sample, or of the whole tensor. Raises NC106."""
        stated: list[int | str]
        if info.name in self.shapes:
            stated = [int(extent) for extent in self.shapes[info.name]]
        elif not info.type.tensor_type.HasField("shape"):
            fail(
                "NC106",
                f"input '{info.name}' must have a known shape",
                help=f"pass shapes={{'{info.name}': [...]}}, or export the model with fixed shapes",
            )
        else:
            dims = info.type.tensor_type.shape.dim
            stated = [d.dim_value if d.WhichOneof("value") == "dim_value" else d.dim_param or "?" for d in dims]
        if self.batch_first:
            if not stated:
                fail(
                    "NC105",
                    f"input '{info.name}' must have a batch axis, not be a scalar",
                    help="import with batch=None",
                )
            lead = stated.pop(0)
            if isinstance(lead, int):
                self.declared_batch = lead
        unknown = [str(d) for d in stated if not isinstance(d, int)]
        if unknown:
            fail(
                "NC106",
                f"every extent of input '{info.name}' but the batch must be a number, not '{unknown[0]}'",
                help=f"pass shapes={{'{info.name}': [...]}}, or export the model with fixed shapes",
            )
        shape = tuple(int(d) for d in stated)
        if any(d < 0 for d in shape):
            fail("NC106", f"extents of input '{info.name}' must not be negative, not {list(shape)}")
        return shape

    def _output(self, name: str, scope: _Scope) -> None:
        if name not in scope.env:
            self._report(
                "NC108",
                f"output '{name}' must be computed by a node",
                Where(tensor=name),
                help="the model is incomplete; export it again",
            )
            return
        tensor = scope.env[name]
        if tensor is None:
            return
        node = Node("the output", "", default_opset(), (), {}, self.build, made=self.made, labels=self.labels)
        self._guarded(name, lambda: self.build.output(name, node.lower(tensor)), scope, Where(tensor=name))

    # ---- nodes ----------------------------------------------------------------------------------------------------

    def _check_operators(self, nodes: Iterable[NodeProto], opsets: dict[str, int], prefix: str = "") -> None:
        """Report every operator that has no translation, before anything else can hide it."""
        for node in nodes:
            domain = family(node.domain)
            known = (node.domain, node.op_type) in self.functions or (domain, node.op_type) in TRANSLATIONS
            if known:
                continue
            shown = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            self.found.error(
                "NC102",
                f"operator {shown} must be one that nc translates",
                where=Where(node=prefix + label(node)),
                op=text(node),
                help=HINTS.get(node.op_type, "replace the layer before export; docs/onnx.md lists what is supported"),
            )
        for function in self.functions.values() if not prefix else ():
            self._check_operators(function.node, opsets, f"{function.name}/")

    def _nodes(self, nodes: Sequence[NodeProto], scope: _Scope) -> None:
        self.count += len(nodes) if scope.depth else 0
        if self.count > MAX_INLINED:
            if not self.too_many:
                self._report("NC113", f"functions of the model must inline to at most {MAX_INLINED} nodes", Where())
            self.too_many = True
            scope.env.update({name: None for n in nodes for name in n.output})
            return
        ordered, stuck = in_order(nodes, scope.env)
        for node in ordered:
            self._node(node, scope)
        if stuck:
            self._report(
                "NC107",
                f"nodes must not wait for each other, but these do: {', '.join(label(n) for n in stuck[:8])}",
                Where(node=scope.prefix + label(stuck[0])),
                help="ONNX graphs are acyclic; the tool that wrote the file is wrong",
            )
            for node in stuck:
                scope.env.update(dict.fromkeys(filter(None, node.output)))

    def _node(self, node: NodeProto, scope: _Scope) -> None:
        where = Where(node=scope.prefix + label(node))
        missing = [name for name in node.input if name and name not in scope.env]
        if missing:
            self._report(
                "NC108",
                f"operand '{missing[0]}' of {node.op_type} must be an input, an initialiser or a node's result",
                where,
                op=text(node),
                help="its weights may have been stripped from the file; export the model again",
            )
        operands = [scope.env.get(name) if name else None for name in node.input]
        poisoned = any(name and operand is None for name, operand in zip(node.input, operands, strict=True))
        if missing or poisoned or not self._translated(node, operands, where, scope):
            scope.env.update({name: None for name in node.output if name and name not in scope.env})

    def _translated(self, node: NodeProto, operands: Sequence[Tensor | None], where: Where, scope: _Scope) -> bool:
        self.build.origin = where.node
        try:
            results = self._results(node, operands, where, scope)
            for name, result in zip(node.output, results):
                if name and name in scope.env:
                    fail("NC109", f"tensor '{name}' must be defined once")
                if name:
                    scope.env[name] = result
        except NcError as error:
            self._add(error, where, text(node))
            return False
        missing = [name for name in node.output[len(results) :] if name]
        if missing:
            self._report(
                "NC103",
                f"result '{missing[0]}' of {node.op_type} must not be used",
                where,
                op=text(node),
                help="nc computes the main result of this operator only",
            )
        return not missing

    def _results(
        self, node: NodeProto, operands: Sequence[Tensor | None], where: Where, scope: _Scope
    ) -> Sequence[Tensor | None]:
        called = self.functions.get((node.domain, node.op_type))
        if called is not None:
            return self._call(called, node, operands, where, scope)
        domain = family(node.domain)
        translate = TRANSLATIONS.get((domain, node.op_type))
        if translate is None:
            return [None] * len(node.output)  # reported by _check_operators
        version = self._version(node, domain, scope)
        form = signature(domain, node.op_type, version)
        if form is None:
            fail("NC115", f"{node.op_type} must be part of operator set {version} of its domain")
        check_arity(node, form)
        check_types(node, form, [type_name(t.dtype) if t is not None else "" for t in operands])
        view = Node(
            node.op_type,
            where.node,
            version,
            operands,
            attributes(node, form),
            self.build,
            tuple(node.output),
            self.declared_batch,
            self.made,
            self.labels,
        )
        made = translate(view)
        return [made] if isinstance(made, Tensor) else made

    def _version(self, node: NodeProto, domain: str, scope: _Scope) -> int:
        if domain != STANDARD:
            return scope.opsets.get(node.domain, 1)
        version = scope.opsets.get(STANDARD)
        if version is None:
            fail("NC115", "the model must state its operator set", help="export it again; it imports no opset")
        if not OLDEST_OPSET <= version <= default_opset():
            fail(
                "NC115",
                f"the model's operator set must lie in {OLDEST_OPSET}..{default_opset()}, not {version}",
                help="convert the model with onnx.version_converter.convert_version, or update onnx",
            )
        return version

    def _call(
        self,
        function: FunctionProto,
        node: NodeProto,
        operands: Sequence[Tensor | None],
        where: Where,
        scope: _Scope,
    ) -> Sequence[Tensor | None]:
        """Inline a function of the model."""
        if scope.depth >= _DEEPEST_CALL:
            fail("NC107", f"function '{function.name}' must not call itself, directly or through others")
        if len(node.input) > len(function.input) or len(node.output) > len(function.output):
            fail("NC109", f"function '{function.name}' must be called with its own operands and results")
        padded = [*operands, *[None] * (len(function.input) - len(operands))]
        given = dict(zip(function.input, padded, strict=True))
        inner = _Scope(dict(given), _opsets(function.opset_import) or scope.opsets, f"{where.node}/", scope.depth + 1)
        omitted = {name for name, operand in given.items() if operand is None}
        body = [_specialised(n, node, function, omitted) for n in function.node]
        before = len(self.found.diagnostics)
        self._nodes(body, inner)
        unmade = [name for name in function.output if name not in inner.env]
        if unmade:
            fail("NC108", f"result '{unmade[0]}' of function '{function.name}' must be computed by its body")
        self.build.origin = where.node
        results = [inner.env[name] for name in function.output][: len(node.output)]
        if None in results and len(self.found.diagnostics) == before:
            fail("NC108", f"function '{function.name}' must be given all operands that its results need")
        return results

    # ---- problems -------------------------------------------------------------------------------------------------

    def _guarded(self, name: str, step: Any, scope: _Scope, where: Where) -> None:
        """Run one step; a problem of the user's is collected and the tensor counts as failed."""
        self.build.origin = ""
        try:
            step()
        except NcError as error:
            self._add(error, where)
            scope.env[name] = None

    def _add(self, error: NcError, where: Where, op: str = "") -> None:
        for d in error.diagnostics:
            place = replace(d.where, node=d.where.node or where.node, tensor=d.where.tensor or where.tensor)
            self.found.extend([replace(d, where=place, op=op or d.op)])

    def _report(self, code: str, message: str, where: Where, *, op: str = "", help: str = "") -> None:
        self.found.extend([Diagnostic(code, message, where, op, help)])


HINTS = {
    "If": "export without control flow (branches on data have no hardware form)",
    "Loop": "export without loops; unroll them in the model",
    "Scan": "export without loops; unroll them in the model",
    "LSTM": "export a single time step with its state as input and output",
    "GRU": "export a single time step with its state as input and output",
    "RNN": "export a single time step with its state as input and output",
    "DynamicQuantizeLinear": "use static quantisation; a scale that depends on the data needs a divider",
    "NonZero": "its result has a shape that depends on the data",
}


def label(node: NodeProto) -> str:
    """The node's name, or that of its first result."""
    return node.name or next(filter(None, node.output), node.op_type)


def text(node: NodeProto) -> str:
    """The node in one line, as diagnostics show it."""
    return f"{', '.join(node.output)} = {node.op_type}({', '.join(node.input)})"


def _opsets(imports: Iterable[Any]) -> dict[str, int]:
    return {STANDARD if o.domain == "ai.onnx" else o.domain: int(o.version) for o in imports}


def _specialised(node: NodeProto, call: NodeProto, function: FunctionProto, omitted: set[str]) -> NodeProto:
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
