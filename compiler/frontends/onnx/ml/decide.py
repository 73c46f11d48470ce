"""From the scores of a classifier to its label, as ONNX runtimes choose it."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import Array, frozen
from nc.ir.ops.greater import Greater
from nc.ir.ops.pick import Pick
from nc.ir.ops.reshape import Reshape

LARGEST_LABEL = 2**31


def labels(node: Node) -> Array:
    """The label of each class; of classes with names its index. Raises NC109."""
    for name in ("classlabels_int64s", "classlabels_ints"):
        if node.attributes.get(name):
            return whole_labels(node, node.attributes[name])
    names = node.attributes.get("classlabels_strings") or node.attributes.get("classes_strings")
    if not names:
        fail("NC109", f"{node.op} must have the labels of its classes")
    return np.arange(len(names))


def whole_labels(node: Node, entries: object) -> Array:
    """Integer labels as an array. Raises NC103 for those that are too large for a port."""
    found = np.asarray(entries, np.int64).ravel()
    if found.size and np.abs(found).max() >= LARGEST_LABEL:
        node.refuse(f"labels of {node.op} must lie within 32 bits", "number the classes before training")
    return found


def largest(node: Node, scores: Tensor, entries: Array) -> Tensor:
    """The label of the largest score of (N, classes), the first of equal ones: (N,)."""
    index = node.emit(ArgMax(0, False), scores, dtype=TensorProto.INT64)
    return node.emit(Pick(frozen(entries)), index, dtype=TensorProto.INT64)


def above(node: Node, score: Tensor, bound: float, entries: Array) -> Tensor:
    """The second label where a score (N, 1) is greater than the bound, else the first: (N,)."""
    if len(entries) != 2:
        fail("NC109", f"{node.op} must have two classes where it computes one score, not {len(entries)}")
    second = node.emit(Greater(), score, constant(np.array([bound]), score.dtype), dtype=TensorProto.BOOL)
    return node.emit(Reshape(()), node.emit(Pick(frozen(entries)), second, dtype=TensorProto.INT64))
