"""SVMClassifier and SVMRegressor with a linear kernel: support vectors fold into one weight vector a decision."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.ml import decide
from nc.compiler.frontends.onnx.ml.linear import affine, classes, features, rows
from nc.compiler.frontends.onnx.ml.transforms import transformed
from nc.compiler.frontends.onnx.node import ONE, Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import ML
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.greater import Greater
from nc.ir.ops.matmul import MatMul


@translates("SVMRegressor", domain=ML)
def regressor(node: Node) -> Tensor:
    _linear(node)
    x, a = features(node), node.attributes
    weights = np.array(a["coefficients"] or (), np.float64)
    if a["n_supports"]:
        vectors = rows(node, a["support_vectors"], x.shape[0])
        if len(vectors) != len(weights):
            fail("NC109", f"{node.op} must have a coefficient for each of {len(vectors)} support vectors")
        weights = weights @ vectors
    score = affine(node, x, rows(node, weights.tolist(), x.shape[0]), a["rho"][:1])
    if a["one_class"]:
        node.refuse("SVMRegressor must not be of one class", "compile a classifier or a regressor")
    return transformed(node, score)


@translates("SVMClassifier", domain=ML)
def classifier(node: Node) -> tuple[Tensor, Tensor]:
    _linear(node)
    x, a = features(node), node.attributes
    if a["prob_a"]:
        node.refuse("SVMClassifier must decide by its scores, not by probabilities fitted to them",
                    "train with SVC(probability=False)")  # fmt: skip
    entries, bias = decide.labels(node), np.array(a["rho"] or (), np.float64)
    if not a["vectors_per_class"]:
        return classes(node, x, rows(node, a["coefficients"], x.shape[0]), bias)
    weights, pairs = _pairs(node, rows(node, a["support_vectors"], x.shape[0]), len(entries))
    if len(bias) != len(pairs):
        fail("NC109", f"{node.op} must have a rho for each of {len(pairs)} pairs of classes, not {len(bias)}")
    scores = affine(node, x, weights, bias)
    return _voted(node, scores, pairs, entries), scores


def _linear(node: Node) -> None:
    kernel = node.attributes["kernel_type"] or "LINEAR"
    if kernel != "LINEAR":
        node.refuse(f"the kernel of {node.op} must be LINEAR, not {kernel}",
                    "train a linear SVM: other kernels need every support vector")  # fmt: skip


def _pairs(node: Node, vectors: Array, count: int) -> tuple[Array, list[tuple[int, int]]]:
    """The weights (pairs, F) of one-against-one decisions, and the two classes of each."""
    per_class = node.attributes["vectors_per_class"]
    flat = np.array(node.attributes["coefficients"] or (), np.float64)
    if len(per_class) != count or sum(per_class) != len(vectors) or flat.size != (count - 1) * len(vectors):
        fail("NC109", f"support vectors of {node.op} must be counted by class and have {count - 1} coefficients each")
    alphas, ends = flat.reshape(count - 1, len(vectors)), np.concatenate([[0], np.cumsum(per_class)])
    pairs, weights = [], []
    for i in range(count):
        for j in range(i + 1, count):
            first, second = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
            weights.append(alphas[j - 1, first] @ vectors[first] + alphas[i, second] @ vectors[second])
            pairs.append((i, j))
    return np.array(weights), pairs


def _voted(node: Node, scores: Tensor, pairs: list[tuple[int, int]], entries: Array) -> Tensor:
    """The class that wins most pairs, the first of equal ones. A pair is its first class's where the score is > 0."""
    wins = node.emit(Greater(), scores, constant(np.zeros(1), scores.dtype), dtype=TensorProto.BOOL)
    votes, base = np.zeros((len(pairs), len(entries)), np.int64), np.zeros(len(entries))
    for row, (i, j) in enumerate(pairs):
        votes[row, i], votes[row, j] = 1, -1
        base[j] += 1
    signs = node.exact(constant(votes, TensorProto.INT8), TensorProto.INT8)
    whole = node.emit(Dequantize(ONE, np.zeros((), np.int64)), signs, dtype=TensorProto.FLOAT)
    total = node.emit(MatMul(), node.cast(wins, TensorProto.FLOAT), whole)
    return decide.largest(node, node.emit(Add(), total, constant(base, TensorProto.FLOAT)), entries)
