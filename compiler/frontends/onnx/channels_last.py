"""QONNX's channels-last layers (N, *spatial, C): the standard's own between two transposes."""

from __future__ import annotations

from dataclasses import replace

from nc.compiler.frontends.onnx.layout import transpose
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import TRANSLATIONS, translates
from nc.compiler.frontends.onnx.signatures import CHANNELS_LAST, CHANNELS_LAST_SET, STANDARD
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail


@translates("Conv", "MaxPool", "BatchNormalization", domain=CHANNELS_LAST)
def channels_last(node: Node) -> Tensor:
    """Conv's weights are (O, *kernel, I)."""
    rank = node[0].rank
    if rank < 3:
        fail("NC109", f"{node.op} must have an input (N, *spatial, C), not {node[0]}")
    first = (0, rank - 1, *range(1, rank - 1))
    turned = [_turned(node, node[0], first), *node.operands[1:]]
    if node.op == "Conv":
        if node[1].rank != rank:
            fail("NC109", f"{node.op} must have weights (O, *kernel, I) of the rank of its input {node[0]}")
        turned[1] = _turned(node, node[1], first)
    made = TRANSLATIONS[STANDARD, node.op](replace(node, operands=turned, version=CHANNELS_LAST_SET))
    result = made if isinstance(made, Tensor) else made[0]
    return _turned(node, result, (0, *range(2, rank), 1))


def _turned(node: Node, tensor: Tensor, perm: tuple[int, ...]) -> Tensor:
    made = transpose(replace(node, op="Transpose", operands=[tensor], attributes={"perm": perm}))
    assert isinstance(made, Tensor)
    return made
