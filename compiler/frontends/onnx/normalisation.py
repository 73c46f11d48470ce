"""Normalisation by statistics of the sample itself, spelled out in arithmetic (float stage)."""

from __future__ import annotations

import math

from nc.compiler.frontends.onnx.elementwise import scalar
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.div import Div
from nc.ir.ops.mul import Mul
from nc.ir.ops.reciprocal import Reciprocal
from nc.ir.ops.reduce_mean import ReduceMean
from nc.ir.ops.sqrt import Sqrt
from nc.ir.ops.sub import Sub


def _normalised(node: Node, x: Tensor, axes: tuple[int, ...], centre: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """(x - mean) / spread over axes of `x.shape`, the mean, and the spread sqrt(mean square + epsilon)."""
    if any(x.shape[a] == 0 for a in axes):
        fail("NC109", f"{node.op} must have something to normalise, not the empty tensor {x}")
    mean = node.emit(ReduceMean(axes, True), x)
    centred = node.emit(Sub(), x, mean) if centre else x
    square = node.emit(ReduceMean(axes, True), node.emit(Mul(), centred, centred))
    spread = node.emit(Sqrt(), node.emit(Add(), square, scalar(node.attributes["epsilon"], x.dtype)))
    return node.emit(Div(), centred, spread), mean, spread


@translates("LayerNormalization", "RMSNormalization")
def layer_normalization(node: Node) -> list[Tensor]:
    """Over all axes from `axis` on; RMSNormalization does not subtract the mean. Also the mean and 1 / spread."""
    x = node[0]
    axes = tuple(range(node.axis(x, node.attributes["axis"]), len(x.shape)))
    plain, mean, spread = _normalised(node, x, axes, node.op == "LayerNormalization")
    made = node.emit(Mul(), *node.lined(plain, node[1]))
    bias = node.maybe(2)
    if bias is not None:
        made = node.emit(Add(), *node.lined(made, bias))
    return [made, mean, node.emit(Reciprocal(), spread)] if len(node.results) > 1 else [made]


@translates("InstanceNormalization")
def instance_normalization(node: Node) -> Tensor:
    """Over the spatial axes of each channel."""
    x = node[0]
    if x.rank < 3:
        fail("NC109", f"{node.op} must have an input (N, C, *spatial), not {x}")
    return _by_channel(node, _normalised(node, x, tuple(range(2 - x.batched, len(x.shape))))[0])


@translates("GroupNormalization")
def group_normalization(node: Node) -> Tensor:
    """Over groups of channels; scale and bias are those of channels since operator set 21, of groups before."""
    x, groups = node[0], node.attributes["num_groups"]
    if x.rank < 3 or groups < 1 or x.shape[1 - x.batched] % groups:
        fail("NC109", f"{node.op} must have channels that {groups} groups divide, not {x}")
    channel = 1 - x.batched
    lead, rest = x.shape[:channel], math.prod(x.shape[channel:]) // groups
    split = _normalised(node, node.reshape(x, (*lead, groups, rest)), (channel + 1,))[0]
    if node.version < 21:
        return node.reshape(_by_channel(node, split), x.shape)
    return _by_channel(node, node.reshape(split, x.shape))


def _by_channel(node: Node, x: Tensor) -> Tensor:
    """x * scale[c] + bias[c]."""
    tail = (1,) * (x.rank - 2)
    scale, bias = (node.reshape(node[i], (math.prod(node[i].shape), *tail)) for i in (1, 2))
    return node.emit(Add(), *node.lined(node.emit(Mul(), *node.lined(x, scale)), bias))
