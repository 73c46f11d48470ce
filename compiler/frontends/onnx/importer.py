"""From an ONNX model to the graph: its ports and initialisers, then the walk over its nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

from nc.compiler.frontends.onnx.batch import Batch, batch_axis, independent, result_axis
from nc.compiler.frontends.onnx.decode import decode
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.functions import opset_versions
from nc.compiler.frontends.onnx.ml.model import numbered
from nc.compiler.frontends.onnx.modern import modernised
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.tensors import check_dtype, check_size, default_opset, element_of, to_numpy, widen
from nc.compiler.frontends.onnx.values import Tensor
from nc.compiler.frontends.onnx.walk import Scope, Walk
from nc.compiler.frontends.scales import simplest_scales
from nc.ir.diagnostics import NcError, Where, fail
from nc.ir.graph import Builder, Graph
from nc.ir.ops.base import Array
from nc.ir.ops.state import State
from nc.ir.types import TensorType


def read_onnx(path: str | Path, *, batch: Batch = "auto", shapes: Mapping[str, Sequence[int]] | None = None) -> Graph:
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
    batch: Batch = "auto",
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Array] | None = None,
    folder: Path | None = None,
    name: str = "",
) -> Graph:
    """The float graph of a model in memory, for one sample: the batch axis is dropped from inputs and outputs.

    batch: the axis of every input that is the batch, whatever number the model states; 'auto' finds it (the one axis
    without a number, or else the leading one); None keeps every tensor whole (evaluate with one sample). shapes: whole
    shapes of inputs, over those that the model states. constants: inputs to bind to fixed arrays. folder: where
    external data may lie.

    The batch axis is followed through the model's nodes. Where it cannot be (it is merged with others, or moves), the
    model is read for one sample, if that is what it computes of each sample of a batch (`batch.independent`).

    Raises NcError (NC1xx) with every problem found.
    """
    if not model.HasField("graph") or not model.graph.output:
        fail("NC101", "the file must hold a graph with outputs", help="it is not an ONNX model, or it is damaged")
    model = modernised(numbered(model))
    label = name or model.graph.name or "model"

    def run(samples: int | None, results: ResultAxis | None = None) -> _Import:
        functions = {(f.domain, f.name): f for f in model.functions}
        walk = Walk(functions, Builder(label), folder=folder)
        made = _Import(model, batch, shapes or {}, constants or {}, folder, walk, samples, results)
        attempts.append(made)
        made.run()
        return made

    attempts: list[_Import] = []
    try:
        return simplest_scales(run(None).walk.build.finish())
    except NcError as error:
        first = attempts[0]
        live = any(isinstance(node.op, State) for node in first.walk.build.nodes)  # samples are steps of time
        if batch is None or live or not any(d.code == "NC105" for d in error.diagnostics):
            raise
        return simplest_scales(_of_one_sample(first, run, error))


def _of_one_sample(first: _Import, run: Callable[..., _Import], error: NcError) -> Graph:
    """The model with a batch of one, checked against a batch of several. Raises `error` where that is not its meaning.

    A file that states one sample needs no check: a batch of one is all that it computes.
    """
    fixed = {extent for extent in first.stated if isinstance(extent, int)}
    alone = fixed == {1} and all(extent == 1 for extent in first.stated)
    count = next(iter(fixed - {1}), _SEVERAL)
    several: _Import | None = None
    if not alone:
        try:
            several = run(count)
        except NcError as later:  # what else stands in the way is said, where the batch does not
            raise (_advised(error, count) if _of_batch(later) else later) from None
    axes: dict[str, int] = {}

    def found(name: str, shape: tuple[int, ...], likely: int | None) -> int | None:
        more = None if several is None else several.shapes_out[name]
        axis = result_axis(shape, more, likely)
        if axis is not None:
            axes[name] = axis
        return axis

    try:
        one = run(1, found).walk.build.finish()
    except ValueError:
        raise _advised(error, count) from None
    except NcError as later:
        raise (_advised(error, count) if fixed - {1} and _of_batch(later) else later) from None
    if several is not None and not independent(one, several.walk.build.finish(), first.axes, axes, count):
        raise _advised(error, count)
    return one


_OBSTACLES = frozenset({"NC102", "NC103", "NC104", "NC114"})  # of operators, whatever the number of samples


def _of_batch(error: NcError) -> bool:
    """May the number of samples be what is wrong?"""
    return not _OBSTACLES.issuperset(d.code for d in error.diagnostics)


def _advised(error: NcError, count: int) -> NcError:
    """The error, with what to do where the file holds a batch of `count` samples for good."""
    if count == _SEVERAL:
        return error
    help = f"export with one sample instead of {count}, or with a dynamic batch axis; --batch none keeps tensors whole"
    return NcError([replace(d, help=help) if d.code == "NC105" else d for d in error.diagnostics])


ResultAxis = Callable[[str, tuple[int, ...], int | None], int | None]
_SEVERAL = 2  # samples that are read together where the model does not state how many


@dataclass
class _Import:
    """The model's own graph: what its ports and initialisers declare.

    samples: None follows the batch axis symbolically; a number reads the model with so many samples, whole.
    results: where the batch lies in an output (its name, shape, the axis that the file names), of one sample.
    axes, stated: the batch axis of each input, and the batch sizes that the model states. shapes_out: of outputs.
    """

    model: ModelProto
    batch: Batch
    shapes: Mapping[str, Sequence[int]]
    constants: Mapping[str, Array]
    folder: Path | None
    walk: Walk
    samples: int | None = None
    results: ResultAxis | None = None
    axes: dict[str, int] = field(default_factory=dict)
    stated: list[int | str] = field(default_factory=list)
    shapes_out: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def run(self) -> None:
        graph = self.model.graph
        scope = Scope({}, opset_versions(self.model.opset_import))
        self.walk.check_operators(graph.node, {tensor.name for tensor in graph.initializer} | set(self.constants))
        self._initialisers(graph, scope)
        self._inputs(graph, scope)
        self.walk.nodes(graph.node, scope)
        for output in graph.output:
            self._output(output, scope)
        self.walk.found.raise_if_any()

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
        shape, axis = self._shape(info)
        check_size(shape)
        sample = shape if axis is None else (*shape[:axis], *shape[axis + 1 :])
        element = element_of(dtype)
        if self.samples is None or axis is None:
            value = self.walk.build.input(info.name, TensorType(sample, element))
            scope.env[info.name] = Tensor(dtype, sample, value, None, axis is not None, axis or 0)
            return
        whole = (*sample[:axis], self.samples, *sample[axis:])
        if self.samples > 1:
            scope.env[info.name] = Tensor(
                dtype, whole, self.walk.build.input(info.name, TensorType(whole, element)), None
            )
            return
        one = Tensor(dtype, sample, self.walk.build.input(info.name, TensorType(sample, element)), None)
        scope.env[info.name] = self._node().reshape(one, whole)

    def _bound(self, name: str, dtype: int) -> Tensor:
        data = widen(np.asarray(self.constants[name]))
        self.walk.labels[id(data)] = name
        return constant(data, dtype)

    def _shape(self, info: ValueInfoProto) -> tuple[tuple[int, ...], int | None]:
        """The whole shape, 1 for a batch that the model does not state, and the batch axis. Raises NC105, NC106."""
        fixed = f"--shape {info.name}=N,N,... says all extents, or export the model with fixed shapes"
        dims = info.type.tensor_type.shape.dim
        declared: list[int | str] = [
            d.dim_value if d.WhichOneof("value") == "dim_value" else d.dim_param or "?" for d in dims
        ]
        known = info.type.tensor_type.HasField("shape")
        if info.name in self.shapes:
            stated: list[int | str] = [int(extent) for extent in self.shapes[info.name]]
            if known and len(stated) != len(declared):
                fail("NC106", f"the shape of input '{info.name}' must have {len(declared)} extents, not {len(stated)}")
        elif known:
            stated = list(declared)
        else:
            fail("NC106", f"input '{info.name}' must have a known shape", help=fixed)
        axis = batch_axis(self.batch, declared if known else stated)
        if axis is not None:
            if not -len(stated) <= axis < len(stated):
                fail(
                    "NC105",
                    f"input '{info.name}' must have a batch axis {axis}, not {len(stated)} axes",
                    help="--batch none (batch=None in Python) where no axis is a batch",
                )
            axis %= len(stated)
            lead = stated[axis]
            self.axes[info.name] = axis
            self.stated.append(declared[axis] if known else lead)
            if isinstance(lead, int):
                self.walk.declared_batch = lead
            stated[axis] = 1
        unknown = [str(d) for d in stated if not isinstance(d, int)]
        if unknown:
            but = "" if axis is None else " but the batch"
            fail("NC106", f"every extent of input '{info.name}'{but} must be a number, not '{unknown[0]}'", help=fixed)
        shape = tuple(int(d) for d in stated)
        if any(d < 0 for d in shape):
            fail("NC106", f"extents of input '{info.name}' must not be negative, not {list(shape)}")
        return shape, axis

    def _output(self, info: ValueInfoProto, scope: Scope) -> None:
        name = info.name
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
        self.walk.guarded(name, lambda: self._emit(info, tensor), scope, Where(tensor=name))

    def _emit(self, info: ValueInfoProto, tensor: Tensor) -> None:
        node, name = self._node(), info.name
        self.shapes_out[name] = tensor.shape
        if self.results is not None:
            dims = [d.dim_param for d in info.type.tensor_type.shape.dim]
            named = {d for d in self.stated if isinstance(d, str)}
            likely = next((axis for axis, d in enumerate(dims) if d in named), None)
            axis = self.results(name, tensor.shape, likely)
            if axis is not None:
                tensor = node.reshape(tensor, (*tensor.shape[:axis], *tensor.shape[axis + 1 :]))
        self.walk.build.output(name, node.lower(tensor))

    def _node(self) -> Node:
        """A node for the operations that ports need."""
        walk = self.walk
        return Node("the port", "", default_opset(), (), {}, walk.build, made=walk.made, labels=walk.labels)
