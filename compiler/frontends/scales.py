"""Scales of a model file: 32-bit floats become the float64 next to the simplest fraction that rounds to them.

A scale of 0.05 was meant as 1/20, whatever its 32 bits say: the exact arithmetic that follows then has small numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.base import Array
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.quantize import Quantize
from nc.ir.simplest import short32


def simplest_scales(graph: Graph) -> Graph:
    """The graph with every quantiser's and dequantiser's scales so; the rest as it is."""
    return rewrite(graph, _visit) if any(_meets(n.op) for n in graph.nodes) else graph


def _meets(op: Any) -> bool:
    return isinstance(op, (Quantize, Dequantize))


def _visit(build: Builder, node: Node, operands: Sequence[Value]) -> Value:
    op = node.op
    if not isinstance(op, (Quantize, Dequantize)):
        return keep(build, node, operands)
    return build.add(replace(op, scale=_short(op.scale)), *operands, meaning=node.type.meaning)


def _short(scale: Array) -> Array:
    return np.array([short32(v) for v in scale.ravel().tolist()]).reshape(scale.shape)
