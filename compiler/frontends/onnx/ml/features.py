"""Choosing features, and labels by their index: ArrayFeatureExtractor, ZipMap."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.ml.decide import whole_labels
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import ML
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.base import frozen
from nc.ir.ops.gather import Gather
from nc.ir.ops.pick import Pick
from nc.ir.ops.reshape import Reshape


@translates("ArrayFeatureExtractor", domain=ML)
def array_feature_extractor(node: Node) -> Tensor:
    """Constant columns of the data, or the entries of a constant list that computed indices name."""
    x, index = node[0], node[1]
    if x.value is None and index.value is not None:
        data = node.data(0, "the list")
        if data.dtype.kind not in "iu" and not np.array_equal(data, np.rint(data)):
            node.refuse("the list that ArrayFeatureExtractor chooses from must hold whole numbers")
        if not index.batched or int(np.prod(index.shape)) != 1:
            fail("NC109", f"a computed index of {node.op} must be one number a sample, not {index}")
        one = node.emit(Reshape((1,)), index) if index.shape != (1,) else index
        return node.emit(Pick(frozen(whole_labels(node, data.astype(np.int64)))), one, dtype=TensorProto.INT64)
    if not x.shape:
        fail("NC109", f"{node.op} must read samples of features, not {x}")
    columns = np.array(node.ints(1, "the indices"), np.int64)
    if columns.size and not 0 <= columns.min() <= columns.max() < x.shape[-1]:
        fail("NC109", f"indices of {node.op} must lie in 0..{x.shape[-1] - 1}")
    return node.emit(Gather(frozen(columns), len(x.shape) - 1), x)


@translates("ZipMap", domain=ML)
def zip_map(node: Node) -> Tensor:
    """The scores as they are: a map from labels to them is for the host to make."""
    return node[0]
