"""Element-wise operators: arithmetic, comparison, choice, activation functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import MICROSOFT
from nc.compiler.frontends.onnx.tensors import FLOATS, NARROW, type_range
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.ops.abs import Abs
from nc.ir.ops.add import Add
from nc.ir.ops.base import Op
from nc.ir.ops.batch_norm import BatchNorm
from nc.ir.ops.ceil import Ceil
from nc.ir.ops.clip import Clip
from nc.ir.ops.div import Div
from nc.ir.ops.elu import Elu
from nc.ir.ops.equal import Equal
from nc.ir.ops.erf import Erf
from nc.ir.ops.exp import Exp
from nc.ir.ops.floor import Floor
from nc.ir.ops.gelu import Gelu
from nc.ir.ops.greater import Greater
from nc.ir.ops.greater_equal import GreaterEqual
from nc.ir.ops.hard_sigmoid import HardSigmoid
from nc.ir.ops.hard_swish import HardSwish
from nc.ir.ops.leaky_relu import LeakyRelu
from nc.ir.ops.less import Less
from nc.ir.ops.less_equal import LessEqual
from nc.ir.ops.log import Log
from nc.ir.ops.maximum import Maximum
from nc.ir.ops.minimum import Minimum
from nc.ir.ops.mul import Mul
from nc.ir.ops.neg import Neg
from nc.ir.ops.pow import Pow
from nc.ir.ops.prelu import PRelu
from nc.ir.ops.reciprocal import Reciprocal
from nc.ir.ops.relu import Relu
from nc.ir.ops.round import Round
from nc.ir.ops.select import Select
from nc.ir.ops.selu import Selu
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.sign import Sign
from nc.ir.ops.softplus import Softplus
from nc.ir.ops.softsign import Softsign
from nc.ir.ops.sqrt import Sqrt
from nc.ir.ops.sub import Sub
from nc.ir.ops.tanh import Tanh
from nc.ir.ops.thresholded_relu import ThresholdedRelu

_UNARY: dict[str, Callable[[Node], Op]] = {
    "Abs": lambda n: Abs(),
    "Neg": lambda n: Neg(),
    "Relu": lambda n: Relu(),
    "LeakyRelu": lambda n: LeakyRelu(n.attributes["alpha"]),
    "HardSigmoid": lambda n: HardSigmoid(n.attributes["alpha"], n.attributes["beta"]),
    "HardSwish": lambda n: HardSwish(),
    "Sigmoid": lambda n: Sigmoid(),
    "Tanh": lambda n: Tanh(),
    "Elu": lambda n: Elu(n.attributes["alpha"]),
    "Selu": lambda n: Selu(n.attributes["alpha"], n.attributes["gamma"]),
    "Gelu": lambda n: Gelu(n.attributes["approximate"]),
    "Softplus": lambda n: Softplus(),
    "Softsign": lambda n: Softsign(),
    "ThresholdedRelu": lambda n: ThresholdedRelu(n.attributes["alpha"]),
    "Erf": lambda n: Erf(),
    "Sign": lambda n: Sign(),
    "Floor": lambda n: Floor(),
    "Ceil": lambda n: Ceil(),
    "Round": lambda n: Round(),
    "Sqrt": lambda n: Sqrt(),
    "Exp": lambda n: Exp(),
    "Log": lambda n: Log(),
    "Reciprocal": lambda n: Reciprocal(),
}

_BINARY: dict[str, Callable[[], Op]] = {"Add": Add, "Sub": Sub, "Mul": Mul, "Pow": Pow, "PRelu": PRelu}
_COMPARE: dict[str, Callable[[], Op]] = {
    "Equal": Equal,
    "Greater": Greater,
    "GreaterOrEqual": GreaterEqual,
    "Less": Less,
    "LessOrEqual": LessEqual,
}
_VARIADIC: dict[str, Callable[[], Op]] = {"Min": Minimum, "Max": Maximum, "Sum": Add, "Mean": Add}


@translates(*_UNARY)
def unary(node: Node) -> Tensor:
    return node.emit(_UNARY[node.op](node), node[0])


@translates(*_BINARY)
def binary(node: Node) -> Tensor:
    return node.emit(_BINARY[node.op](), *node.lined(node[0], node[1]), dtype=node[0].dtype)


@translates("Div")
def divide(node: Node) -> Tensor:
    if node[0].dtype not in FLOATS and node[1].data is not None and not np.all(node[1].data != 0):
        node.refuse("integers must not be divided by zero")
    return node.emit(Div(), *node.lined(node[0], node[1]))


@translates(*_COMPARE)
def compare(node: Node) -> Tensor:
    return node.emit(_COMPARE[node.op](), *node.lined(node[0], node[1]), dtype=TensorProto.BOOL)


@translates(*_VARIADIC)
def variadic(node: Node) -> Tensor:
    count = len(node.operands)
    first, *others = node.lined(*(node[i] for i in range(count)))
    result = first
    for other in others:
        result = node.emit(_VARIADIC[node.op](), result, other)
    return node.emit(Div(), result, scalar(float(count), result.dtype)) if node.op == "Mean" else result


def scalar(number: float, dtype: int) -> Tensor:
    """A constant of shape ()."""
    return constant(np.asarray(number, np.float64 if dtype in FLOATS else np.int64), dtype)


@translates("And", "Or", "Xor", "Not")
def logic(node: Node) -> Tensor:
    """Truth values by choice: a ? b : false, a ? true : b, a ? not b : b."""
    no, yes = (constant(np.asarray(bit), TensorProto.BOOL) for bit in (False, True))
    if node.op == "Not":
        return node.emit(Select(), node[0], no, yes)
    a, b = node.lined(node[0], node[1])
    choice = {"And": (b, no), "Or": (yes, b), "Xor": (node.emit(Select(), b, no, yes), b)}[node.op]
    return node.emit(Select(), a, *choice)


@translates("Where")
def where(node: Node) -> Tensor:
    condition, a, b = node.lined(node[0], node[1], node[2])
    return node.emit(Select(), condition, a, b, dtype=node[1].dtype)


@translates("Clip")
def clip(node: Node) -> Tensor:
    """Bounds are attributes before operator set 11, operands since."""
    if node.version < 11:
        lo, hi = node.attributes["min"], node.attributes["max"]
    else:
        lo = node.number(1, "the lower bound") if node.maybe(1) else -np.inf
        hi = node.number(2, "the upper bound") if node.maybe(2) else np.inf
    if np.isnan(lo) or np.isnan(hi):
        node.refuse("the bounds of Clip must be numbers, not NaN")
    if node[0].dtype in NARROW:
        least, most = type_range(node[0].dtype)
        lo, hi = max(lo, least), min(hi, most)
    elif node[0].dtype not in FLOATS:  # bounds near the ends of 64 bits have no exact float
        lo, hi = (lo if lo > -(2.0**53) else -np.inf), (hi if hi < 2.0**53 else np.inf)
    return node.emit(Clip(float(lo), float(hi)), node[0])


@translates("Mish", "Swish")
def gated(node: Node) -> Tensor:
    """x * tanh(softplus(x)); x * sigmoid(alpha x)."""
    x = node[0]
    if node.op == "Mish":
        return node.emit(Mul(), x, node.emit(Tanh(), node.emit(Softplus(), x)))
    return node.emit(Mul(), x, node.emit(Sigmoid(), node.emit(Mul(), x, scalar(node.attributes["alpha"], x.dtype))))


@translates("Identity")
def identity(node: Node) -> Tensor:
    return node[0]


@translates("Dropout")
def dropout(node: Node) -> list[Tensor]:
    """Nothing is dropped in inference; the mask keeps everything."""
    x = node[0]
    training = node.maybe(2) is not None and node.number(2, "training_mode")
    ratio = node.number(1, "the ratio") if node.maybe(1) is not None else 0.5
    if training and ratio:
        node.refuse("Dropout must be in inference mode, not in training mode", "call model.eval() before export")
    if not node.wants(1):
        return [x]
    return [x, Tensor(TensorProto.BOOL, x.shape, None, np.ones(x.shape, np.bool_), x.batched)]


@translates("Cast", "CastLike")
def cast(node: Node) -> Tensor:
    return node.cast(node[0], node.attributes["to"] if node.op == "Cast" else node[1].dtype)


@translates("BatchNormalization")
def batch_normalization(node: Node) -> Tensor:
    if node.attributes.get("training_mode") or any(node.wants(i) for i in range(1, 5)):
        node.refuse(
            "BatchNormalization must be in inference mode, not in training mode", "call model.eval() before export"
        )
    if node.attributes.get("spatial", 1) != 1:
        node.refuse("BatchNormalization must have spatial=1", "normalise by channel")
    names = ("the scale", "the bias", "the mean", "the variance")
    statistics = [node.data(i + 1, what) for i, what in enumerate(names)]
    for what, numbers in zip(names, statistics, strict=True):
        node.check_finite(numbers, what)
    if np.any(statistics[3] + node.attributes["epsilon"] <= 0):
        node.refuse("the variance of BatchNormalization must not be negative")
    scale, bias, mean, variance = statistics
    op = BatchNorm(scale, bias, mean, variance, node.attributes["epsilon"])
    return node.per_sample(node[0], lambda x: node.emit(op, x))


@translates("Gelu", domain=MICROSOFT)
def gelu(node: Node) -> Tensor:
    return node.emit(Gelu("none"), node[0])
