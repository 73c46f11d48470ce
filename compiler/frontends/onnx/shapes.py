"""Constants and arithmetic with shapes; all of it is folded, only the batch size stays a symbol."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.tensors import check_size, to_numpy
from nc.compiler.frontends.onnx.values import BATCH, Tensor
from nc.ir.diagnostics import fail


@translates("Constant")
def constant_node(node: Node) -> Tensor:
    given = [name for name, value in node.attributes.items() if value is not None]
    if len(given) != 1:
        fail("NC109", "Constant must have exactly one value")
    value = node.attributes[given[0]]
    if given[0] == "value":
        return constant(to_numpy(value), value.data_type)
    if given[0] in ("value_float", "value_floats"):
        return constant(np.asarray(value, np.float64), TensorProto.FLOAT)
    if given[0] in ("value_int", "value_ints"):
        return constant(np.asarray(value, np.int64), TensorProto.INT64)
    return node.refuse(f"Constant must hold numbers, not a {given[0]}")


@translates("Shape")
def shape(node: Node) -> Tensor:
    x = node[0]
    extents = [BATCH, *x.shape] if x.batched else list(x.shape)
    part = extents[slice(node.attributes.get("start") or 0, node.attributes.get("end"))]
    symbolic = any(e is BATCH for e in part)
    return constant(np.array(part, object if symbolic else np.int64), TensorProto.INT64)


@translates("Size")
def size(node: Node) -> Tensor:
    if node[0].batched:
        fail("NC105", "Size must not count the samples of a batch", help="use the extents that are not the batch")
    return constant(np.asarray(math.prod(node[0].shape), np.int64), TensorProto.INT64)


@translates("ConstantOfShape")
def constant_of_shape(node: Node) -> Tensor:
    target = list(node.data(0, "the shape").ravel())
    batched = bool(target) and target[0] is BATCH
    extents = target[1:] if batched else target
    if any(e is BATCH for e in extents):
        fail("NC105", f"ConstantOfShape must have the batch in front, not make {target}")
    if any(int(e) < 0 for e in extents):
        fail("NC109", f"ConstantOfShape must have non-negative extents, not {target}")
    own = tuple(int(e) for e in extents)
    check_size(own)
    given = node.attributes["value"]
    fill = to_numpy(given).ravel() if given is not None else np.zeros(1)
    if fill.size != 1:
        fail("NC109", f"the value of ConstantOfShape must be one number, not {fill.size}")
    dtype = given.data_type if given is not None else TensorProto.FLOAT
    return Tensor(dtype, own, None, np.full(own, fill[0], fill.dtype), batched)


@translates("Range")
def arange(node: Node) -> Tensor:
    start, limit, delta = (
        node.data(i, what).ravel()[0] for i, what in enumerate(("the start", "the limit", "the step"))
    )
    if any(b is BATCH for b in (start, limit, delta)):
        fail("NC105", "Range must not depend on the batch size")
    if delta == 0 or not np.isfinite([float(start), float(limit), float(delta)]).all():
        fail("NC109", "Range must have finite bounds and a step that is not 0")
    count = max(0, math.ceil((limit - start) / delta))
    check_size((count,))
    return constant(start + np.arange(count) * delta, node[0].dtype)
