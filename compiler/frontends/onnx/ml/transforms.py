"""post_transform of ONNX-ML: what becomes of scores, and the two columns of a classifier that computes one score."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.ops.concat import Concat
from nc.ir.ops.neg import Neg
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.softmax import Softmax
from nc.ir.ops.sub import Sub

_FUNCTIONS = {"LOGISTIC": Sigmoid(), "SOFTMAX": Softmax((0,))}


def transformed(node: Node, scores: Tensor) -> Tensor:
    """Scores (N, C) behind the node's post_transform. Raises NC103 for PROBIT and SOFTMAX_ZERO."""
    name = node.attributes.get("post_transform") or "NONE"
    if name == "NONE":
        return scores
    if name not in _FUNCTIONS:
        node.refuse(f"post_transform of {node.op} must be NONE, LOGISTIC or SOFTMAX, not {name}")
    return node.emit(_FUNCTIONS[name], scores)


def of_two(node: Node, score: Tensor, *, probability: bool) -> Tensor:
    """The scores (N, 2) of two classes from that of the second, (N, 1)."""
    if probability:
        other = node.emit(Sub(), constant(np.ones(1), TensorProto.FLOAT), score)
    else:
        other = node.emit(Neg(), score)
    return transformed(node, node.emit(Concat(0), other, score))
