"""LinearClassifier and LinearRegressor: a matrix product and a bias, and a decision."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.ml import decide
from nc.compiler.frontends.onnx.ml.transforms import of_two, transformed
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import ML
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array
from nc.ir.ops.matmul import MatMul


@translates("LinearRegressor", domain=ML)
def regressor(node: Node) -> Tensor:
    x = features(node)
    weights = rows(node, node.attributes["coefficients"], x.shape[0])
    if len(weights) != node.attributes["targets"]:
        fail("NC109", f"{node.op} must have {node.attributes['targets']} rows of coefficients, not {len(weights)}")
    return transformed(node, affine(node, x, weights, node.attributes["intercepts"]))


@translates("LinearClassifier", domain=ML)
def classifier(node: Node) -> tuple[Tensor, Tensor]:
    x = features(node)
    weights = rows(node, node.attributes["coefficients"], x.shape[0])
    return classes(node, x, weights, np.array(node.attributes["intercepts"] or np.zeros(len(weights))))


def classes(node: Node, x: Tensor, weights: Array, bias: Array) -> tuple[Tensor, Tensor]:
    """Label and scores of x @ weights.T + bias. Two rows of opposite signs are one score, compared with 0."""
    entries = decide.labels(node)
    opposite = len(weights) == 2 and np.array_equal(weights[0], -weights[1]) and bias[0] == -bias[1]
    if len(weights) == 1 or opposite and len(bias) == 2:
        score = affine(node, x, weights[-1:], bias[-1:])
        return decide.above(node, score, 0.0, entries), of_two(node, score, probability=False)
    if len(weights) != len(entries):
        fail("NC109", f"{node.op} must have a row of coefficients for each of {len(entries)} classes")
    scores = affine(node, x, weights, bias)
    return decide.largest(node, scores, entries), transformed(node, scores)


def features(node: Node) -> Tensor:
    """The operand as real samples (N, F). Raises NC109."""
    x = node[0]
    if x.value is None or not x.batched or len(x.shape) != 1:
        fail("NC109", f"{node.op} must read samples of features (N, F), not {x}")
    return x if x.dtype in (TensorProto.FLOAT, TensorProto.DOUBLE) else node.cast(x, TensorProto.FLOAT)


def rows(node: Node, numbers: object, width: int) -> Array:
    """A list of numbers as rows of `width`. Raises NC109."""
    flat = np.array(numbers or (), np.float64)
    if not flat.size or flat.size % width:
        fail("NC109", f"coefficients of {node.op} must be rows of {width} features, not {flat.size} numbers")
    return flat.reshape(-1, width)


def affine(node: Node, x: Tensor, weights: Array, bias: object) -> Tensor:
    """x @ weights.T + bias; no bias where it is empty. Raises NC109."""
    made = node.emit(MatMul(), x, constant(np.ascontiguousarray(weights.T), x.dtype))
    offset = np.array(bias if bias is not None else (), np.float64)
    if not offset.size:
        return made
    if offset.size != len(weights):
        fail("NC109", f"{node.op} must have an intercept for each of {len(weights)} rows, not {offset.size}")
    return node.emit(Add(), made, constant(offset, x.dtype))
