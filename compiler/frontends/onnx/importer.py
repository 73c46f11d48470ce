"""From an ONNX model to the graph: its ports and initialisers, then the walk over its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

from nc.compiler.frontends.onnx.decode import decode
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.functions import opset_versions
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.tensors import check_dtype, check_size, default_opset, element_of, to_numpy, widen
from nc.compiler.frontends.onnx.values import Tensor
from nc.compiler.frontends.onnx.walk import Scope, Walk, check_leads
from nc.ir.diagnostics import NcError, Where, fail
from nc.ir.graph import Builder, Graph
from nc.ir.ops.base import Array
from nc.ir.types import TensorType


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
    functions = {(f.domain, f.name): f for f in model.functions}
    walk = Walk(functions, Builder(name or model.graph.name or "model"))
    return _Import(model, batch == "first", shapes or {}, constants or {}, folder, walk).run()


@dataclass
class _Import:
    """The model's own graph: what its ports and initialisers declare."""

    model: ModelProto
    batch_first: bool
    shapes: Mapping[str, Sequence[int]]
    constants: Mapping[str, Array]
    folder: Path | None
    walk: Walk

    def run(self) -> Graph:
        graph = self.model.graph
        scope = Scope({}, opset_versions(self.model.opset_import))
        self.walk.check_operators(graph.node)
        self._initialisers(graph, scope)
        self._inputs(graph, scope)
        self.walk.nodes(graph.node, scope)
        for output in graph.output:
            self._output(output.name, scope)
        self.walk.found.raise_if_any()
        return self.walk.build.finish()

    # ---- declarations ---------------------------------------------------------------------------------------------

    def _initialisers(self, graph: GraphProto, scope: Scope) -> None:
        for sparse in graph.sparse_initializer:
            self.walk.report("NC103", "initialisers must be dense, not sparse", Where(tensor=sparse.values.name))
            scope.env[sparse.values.name] = None
        for tensor in graph.initializer:
            self.walk.guarded(
                tensor.name, lambda t=tensor: self._initialiser(t, scope), scope, Where(tensor=tensor.name)
            )

    def _initialiser(self, tensor: TensorProto, scope: Scope) -> None:
        if tensor.name in scope.env:
            fail("NC109", f"tensor '{tensor.name}' must be defined once")
        data = to_numpy(tensor, self.folder)
        self.walk.labels[id(data)] = tensor.name
        scope.env[tensor.name] = constant(data, tensor.data_type)

    def _inputs(self, graph: GraphProto, scope: Scope) -> None:
        for info in graph.input:
            if info.name not in scope.env:
                self.walk.guarded(info.name, lambda i=info: self._input(i, scope), scope, Where(tensor=info.name))

    def _input(self, info: ValueInfoProto, scope: Scope) -> None:
        if info.type.WhichOneof("value") != "tensor_type":
            fail("NC114", f"input '{info.name}' must be a tensor, not a sequence, map, optional or sparse tensor")
        dtype = info.type.tensor_type.elem_type
        check_dtype(dtype, Where())
        if info.name in self.constants:
            scope.env[info.name] = self._bound(info.name, dtype)
            return
        shape = self._shape(info)
        check_size(shape)
        value = self.walk.build.input(info.name, TensorType(shape, element_of(dtype)))
        scope.env[info.name] = Tensor(dtype, shape, value, None, self.batch_first)

    def _bound(self, name: str, dtype: int) -> Tensor:
        data = widen(np.asarray(self.constants[name]))
        self.walk.labels[id(data)] = name
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
                self.walk.declared_batch = lead
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

    def _output(self, name: str, scope: Scope) -> None:
        if name not in scope.env:
            self.walk.report(
                "NC108",
                f"output '{name}' must be computed by a node",
                Where(tensor=name),
                help="the model is incomplete; export it again",
            )
            return
        tensor = scope.env[name]
        if tensor is None:
            return
        node = Node(
            "the output", "", default_opset(), (), {}, self.walk.build, made=self.walk.made, labels=self.walk.labels
        )
        self.walk.guarded(name, lambda: self._emit(node, name, tensor), scope, Where(tensor=name))

    def _emit(self, node: Node, name: str, tensor: Tensor) -> None:
        check_leads(node.op, "", [tensor])
        self.walk.build.output(name, node.lower(tensor))
