"""Reductions, softmax, arg-max."""

from __future__ import annotations

from collections.abc import Callable

from onnx import TensorProto

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.abs import Abs
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import Op
from nc.ir.ops.exp import Exp
from nc.ir.ops.log import Log
from nc.ir.ops.log_softmax import LogSoftmax
from nc.ir.ops.mul import Mul
from nc.ir.ops.neg import Neg
from nc.ir.ops.reduce_max import ReduceMax
from nc.ir.ops.reduce_mean import ReduceMean
from nc.ir.ops.reduce_min import ReduceMin
from nc.ir.ops.reduce_sum import ReduceSum
from nc.ir.ops.softmax import Softmax
from nc.ir.ops.sqrt import Sqrt

_Step = Callable[[Node, Tensor], Tensor]


def _plain(node: Node, x: Tensor) -> Tensor:
    return x


def _square(node: Node, x: Tensor) -> Tensor:
    return node.emit(Mul(), x, x)


# before the reduction, the reduction, after it
_REDUCTIONS: dict[str, tuple[_Step, Callable[[tuple[int, ...], bool], Op], _Step]] = {
    "ReduceSum": (_plain, ReduceSum, _plain),
    "ReduceMean": (_plain, ReduceMean, _plain),
    "ReduceMax": (_plain, ReduceMax, _plain),
    "ReduceMin": (_plain, ReduceMin, _plain),
    "ReduceL1": (lambda n, x: n.emit(Abs(), x), ReduceSum, _plain),
    "ReduceL2": (_square, ReduceSum, lambda n, x: n.emit(Sqrt(), x)),
    "ReduceSumSquare": (_square, ReduceSum, _plain),
    "ReduceLogSum": (_plain, ReduceSum, lambda n, x: n.emit(Log(), x)),
    "ReduceLogSumExp": (lambda n, x: n.emit(Exp(), x), ReduceSum, lambda n, x: n.emit(Log(), x)),
}


@translates(*_REDUCTIONS)
def reduce(node: Node) -> Tensor:
    """Axes are an attribute in older operator sets, an operand since 13 (sum) and 18."""
    x = node[0]
    before, op, after = _REDUCTIONS[node.op]
    axes = node.attributes.get("axes") or (node.ints(1, "the axes") if node.maybe(1) else ())
    if not axes and node.attributes.get("noop_with_empty_axes"):
        return after(node, before(node, x))
    if not axes:
        axes = tuple(range(x.rank))
    own = tuple(sorted({node.axis(x, axis) for axis in axes}))
    if any(x.shape[axis] == 0 for axis in own) and op is not ReduceSum:
        node.refuse(f"{node.op} must have something to reduce, not the empty tensor {x}")
    return after(node, node.emit(op(own, bool(node.attributes["keepdims"])), before(node, x)))


@translates("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: Node) -> Tensor:
    """Before operator set 13 all axes from `axis` on are flattened together."""
    x = node[0]
    if node.op == "Hardmax":
        node.refuse("operator Hardmax must be replaced", "use ArgMax")
    axis = node.axis(x, node.attributes["axis"])
    if 0 in x.shape:
        fail("NC109", f"{node.op} must have something to normalise, not the empty tensor {x}")
    axes = tuple(range(axis, len(x.shape))) if node.version < 13 else (axis,)
    return node.emit(Softmax(axes) if node.op == "Softmax" else LogSoftmax(axes), x)


@translates("ArgMax", "ArgMin")
def argmax(node: Node) -> Tensor:
    x = node[0] if node.op == "ArgMax" else node.emit(Neg(), node[0])
    axis = node.axis(x, node.attributes["axis"])
    if x.shape[axis] == 0:
        fail("NC109", f"{node.op} must have something to choose from, not the empty tensor {x}")
    last = bool(node.attributes.get("select_last_index"))
    return node.emit(ArgMax(axis, bool(node.attributes["keepdims"]), last), x, dtype=TensorProto.INT64)
