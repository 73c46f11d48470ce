"""Classical classifiers of ONNX-ML (skl2onnx exports) as integer graphs: trees, forests, linear models, linear SVMs.

Inputs are codes: the real value of a feature is code * scale. A tree's comparison x <= t of the model is exactly
code <= floor(t / scale), so trees lose nothing but the resolution of their inputs; weights of linear models and
leaf weights of forests are rounded to `weight_bits`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.config import Common, InputSection
from nc.compiler.frontends.onnx.decode import decode
from nc.ir.diagnostics import NcError, Where, fail
from nc.ir.graph import Builder, Graph, Value
from nc.ir.ops.add import Add
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import frozen
from nc.ir.ops.greater import Greater
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.select import Select
from nc.ir.ops.table import Table
from nc.ir.ops.take import Take
from nc.ir.types import Affine, IntType, TensorType


@dataclass(frozen=True)
class Codes:
    """How features arrive: `bits` wide unsigned codes, each standing for code * `scale`."""

    bits: int = 4
    scale: float | Fraction = 1.0
    weight_bits: int = 6


Attributes = Mapping[str, Any]


def is_classical(path: Path) -> bool:
    """Whether a file is a readable model with one of the classifiers."""
    try:
        model = decode(path.read_bytes())
    except (OSError, NcError):
        return False
    return any(node.op_type in CLASSIFIERS for node in model.graph.node)


def read_classical(path: Path, common: Common) -> Graph:
    """The integer graph of a file, with the codes that `input.NAME` describes: `bits` unsigned bits, each step
    `scale` (default: `range`, else features from 0 to 1). Raises NC101, NC650."""
    model = decode(path.read_bytes())
    name = model.graph.input[0].name if model.graph.input else ""
    section = common.input.get(name, InputSection())
    lowest = section.range[0] if section.range else 0
    if section.signed or section.zero_point or lowest != 0:
        fail("NC650", f"codes of '{name}' must be unsigned and start at 0", where=Where(file=path.name),
             help="scale the features so that 0 is the smallest")  # fmt: skip
    span = section.range[1] / ((1 << section.bits) - 1) if section.range else Fraction(1, 1 << section.bits)
    return read_classifier(path, Codes(section.bits, section.scale or span, common.quantise.weight_bits))


def read_classifier(source: Path | str | Any, codes: Codes = Codes()) -> Graph:
    """The integer graph of an ONNX-ML classifier, a file or an onnx ModelProto.

    The input (F,) has the model's name, the output is `class` (1,).

    The output is the class label where labels are small non-negative integers, the class index otherwise.
    Raises NC650 for a model without a supported classifier.
    """
    import onnx

    model = decode(Path(source).read_bytes()) if isinstance(source, Path | str) else source
    where = Where(file=Path(source).name if isinstance(source, Path | str) else "")
    sizes = [d.dim_value for port in model.graph.input[:1] for d in port.type.tensor_type.shape.dim]
    features = sizes[-1] if sizes else 0
    if features < 1:
        fail("NC650", "the model's input must have a fixed number of features, not an open one", where=where,
             help="export it with FloatTensorType([None, FEATURES])")  # fmt: skip
    node = next((n for n in model.graph.node if n.op_type in CLASSIFIERS), None)
    if node is None:
        found = ", ".join(sorted({n.op_type for n in model.graph.node})) or "nothing"
        fail("NC650", f"the model must hold one of {', '.join(CLASSIFIERS)}; it has {found}", where=where,
             help="neural networks are compiled with `nc compile --target printed`")  # fmt: skip
    if list(node.input) != [model.graph.input[0].name]:
        fail("NC650", f"'{node.op_type}' must read the model's input, not '{node.input[0]}'", where=where,
             help="export the classifier alone; scale the data beforehand")  # fmt: skip
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    build = Builder("classifier")
    top = (1 << codes.bits) - 1
    x = build.input(model.graph.input[0].name, TensorType((features,), IntType(0, top), Affine.of(codes.scale)))
    build.origin = node.name or node.op_type
    try:
        chosen = CLASSIFIERS[node.op_type](build, x, attributes, codes)
    except (KeyError, IndexError, ValueError, TypeError):
        fail("NC101", f"the attributes of '{node.op_type}' must be complete and of matching lengths, but are not",
             where=where, help="it is damaged, or made by hand; export it again")  # fmt: skip
    build.output("class", _labelled(build, chosen, attributes))
    return build.finish()


def _labelled(build: Builder, index: Value, attributes: Attributes) -> Value:
    """The index as a label, where labels are integers that fit a byte."""
    labels = attributes.get("classlabels_int64s") or attributes.get("classlabels_ints") or []
    if not labels or min(labels) < 0 or max(labels) > 255 or list(labels) == list(range(len(labels))):
        return index
    return build.add(Table(frozen(np.array([labels], np.int64)), 0), index)


def _classes(attributes: Attributes) -> int:
    for name in ("classlabels_int64s", "classlabels_ints", "classlabels_strings"):
        if attributes.get(name):
            return len(attributes[name])
    return 2


# --- trees -------------------------------------------------------------------------------------------------------


def _trees(build: Builder, x: Value, attributes: Attributes, codes: Codes) -> Value:
    """One tree: nested choices of the class. Several: nested choices of weight vectors, summed."""
    classes = _classes(attributes)
    roots = sorted(set(attributes["nodes_treeids"]))
    leaves: dict[tuple[int, int], np.ndarray[Any, Any]] = {}
    for tree, node, label, weight in zip(
        *(attributes[f"class_{n}"] for n in ("treeids", "nodeids", "ids", "weights")), strict=True
    ):
        leaves.setdefault((tree, node), np.zeros(classes))[label] += weight
    if classes == 2 and len(set(attributes["class_ids"])) == 1:
        # a binary model may give one weight a leaf only: the score of class 1 against one half
        leaves = {k: np.array([1.0 / len(roots) - w.max(), w.max()]) for k, w in leaves.items()}
    largest = max(np.abs(w).max() for w in leaves.values()) or 1.0
    levels = (1 << codes.weight_bits) - 1

    def leaf(key: tuple[int, int]) -> np.ndarray[Any, Any]:
        weights = leaves[key]
        if len(roots) == 1:
            return np.array([int(weights.argmax())])
        return np.rint(weights / largest * levels).astype(np.int64)

    width = 1 if len(roots) == 1 else classes
    values = [_tree(build, x, attributes, codes, tree, leaf, width) for tree in roots]
    if len(values) == 1:
        return values[0]
    total = values[0]
    for value in values[1:]:
        total = build.add(Add(), total, value)
    return build.add(ArgMax(0, True), total)


def _tree(
    build: Builder, x: Value, attributes: Attributes, codes: Codes, tree: int,
    leaf: Callable[[tuple[int, int]], np.ndarray[Any, Any]], width: int,
) -> Value:  # fmt: skip
    rows = {
        node: i
        for i, (t, node) in enumerate(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
        if t == tree
    }
    made: dict[int, Value] = {}
    order, stack = [], [attributes["nodes_nodeids"][min(rows.values())]]
    while stack:
        node = stack.pop()
        order.append(node)
        if attributes["nodes_modes"][rows[node]] != b"LEAF":
            stack += [attributes["nodes_truenodeids"][rows[node]], attributes["nodes_falsenodeids"][rows[node]]]
    for node in reversed(order):
        i = rows[node]
        mode = attributes["nodes_modes"][i].decode()
        if mode == "LEAF":
            weights = leaf((tree, node))
            made[node] = build.constant(weights, TensorType((width,), IntType(int(weights.min()), int(weights.max()))))
            continue
        if mode not in _FLOORS:
            fail("NC650", f"tree nodes must compare by {', '.join(_FLOORS)}, not {mode}")
        # the comparison is true up to this code
        last = _FLOORS[mode](Fraction(float(attributes["nodes_values"][i])) / Fraction(codes.scale))
        low = made[attributes["nodes_truenodeids"][i]]
        high = made[attributes["nodes_falsenodeids"][i]]
        if mode in ("BRANCH_GT", "BRANCH_GTE"):
            low, high = high, low
        if last < 0 or last >= (1 << codes.bits) - 1:
            made[node] = high if last < 0 else low
            continue
        feature = build.add(Take(frozen(np.array([attributes["nodes_featureids"][i]]))), x)
        above = build.add(Greater(), feature, build.constant(np.array([last]), TensorType((1,), IntType(last, last))))
        made[node] = low if low == high else build.add(Select(), above, high, low)
    return made[order[0]]


# greatest code for which "x <= t" or "x < t" holds
_FLOORS: dict[str, Callable[[Fraction], int]] = {
    "BRANCH_LEQ": lambda t: math.floor(t),
    "BRANCH_GT": lambda t: math.floor(t),
    "BRANCH_LT": lambda t: math.ceil(t) - 1,
    "BRANCH_GTE": lambda t: math.ceil(t) - 1,
}


# --- linear ------------------------------------------------------------------------------------------------------


def _scores(build: Builder, x: Value, weights: Any, bias: Any, codes: Codes) -> Value:
    """weights (outputs, F) times x plus bias, all rounded with one common scale."""
    scale = np.abs(weights).max() / ((1 << codes.weight_bits - 1) - 1) or 1.0
    rounded = np.rint(weights / scale).astype(np.int64).T
    shift = np.rint(bias / (scale * float(codes.scale))).astype(np.int64)
    product = build.add(MatMul(), x, build.constant(rounded))
    return build.add(Add(), product, build.constant(shift, _range(shift)))


def _range(values: np.ndarray[Any, Any]) -> TensorType:
    return TensorType(values.shape, IntType(int(values.min()), int(values.max())))


def _linear(build: Builder, x: Value, attributes: Attributes, codes: Codes) -> Value:
    features = build.type(x).shape[0]
    weights = np.array(attributes["coefficients"]).reshape(-1, features)
    bias = np.array(attributes.get("intercepts") or np.zeros(len(weights)))
    if len(weights) == 2 and np.allclose(weights[0], -weights[1]) and np.allclose(bias[0], -bias[1]):
        weights, bias = weights[1:], bias[1:]
    scores = _scores(build, x, weights, bias, codes)
    if len(weights) == 1:
        return build.add(Greater(), scores, build.constant(np.array([0]), TensorType((1,), IntType(0, 0))))
    return build.add(ArgMax(0, True), scores)


def _svm(build: Builder, x: Value, attributes: Attributes, codes: Codes) -> Value:
    """One-against-one votes of a linear kernel; support vectors fold into one weight vector a pair."""
    if attributes.get("kernel_type", b"LINEAR") != b"LINEAR":
        fail("NC650", f"the kernel of SVMClassifier must be LINEAR, not {attributes['kernel_type'].decode()}",
             help="train a linear SVM: other kernels need every support vector")  # fmt: skip
    features, classes = build.type(x).shape[0], _classes(attributes)
    if not attributes.get("support_vectors"):
        return _linear(build, x, {**attributes, "intercepts": attributes["rho"]}, codes)
    vectors = np.array(attributes["support_vectors"]).reshape(-1, features)
    alphas = np.array(attributes["coefficients"]).reshape(classes - 1, len(vectors))
    bounds = np.concatenate([[0], np.cumsum(attributes["vectors_per_class"])])
    pairs, weights = [], []
    for i in range(classes):
        for j in range(i + 1, classes):
            first, second = slice(bounds[i], bounds[i + 1]), slice(bounds[j], bounds[j + 1])
            weights.append(alphas[j - 1, first] @ vectors[first] + alphas[i, second] @ vectors[second])
            pairs.append((i, j))
    scores = _scores(build, x, np.array(weights), np.array(attributes["rho"]), codes)
    zero = build.constant(np.zeros(len(pairs), np.int64), TensorType((len(pairs),), IntType(0, 0)))
    wins = build.add(Greater(), scores, zero)
    votes = np.zeros((len(pairs), classes), np.int64)
    base = np.zeros(classes, np.int64)
    for row, (i, j) in enumerate(pairs):
        votes[row, i], votes[row, j] = 1, -1
        base[j] += 1
    total = build.add(Add(), build.add(MatMul(), wins, build.constant(votes)), build.constant(base, _range(base)))
    return build.add(ArgMax(0, True), total)


CLASSIFIERS: dict[str, Callable[[Builder, Value, Attributes, Codes], Value]] = {
    "TreeEnsembleClassifier": _trees,
    "LinearClassifier": _linear,
    "SVMClassifier": _svm,
}
