"""The domain `nc.lut`: networks of look-up tables, which standard operators can only spell out.

| operator | operands | attributes | result |
|---|---|---|---|
| Thermometer | x (features), thresholds (features, levels) | | bits: x >= threshold, (features * levels) |
| Codes | x, scale | bits, signed | round(x / scale), ties to even, clamped to `bits` |
| LutLayer | codes, indices (neurons, fan_in), tables (neurons, 2**(bits * fan_in)) | bits | a table entry a neuron |
| TableSum | codes, tables (outputs, inputs, span) | lo, shift, bits | sum of an entry an input; with `bits`, clipped |

The first code of a neuron has the lowest address bits. TableSum with `bits` gives clip(sum >> shift, 0, 2**bits - 1).
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.qonnx import span
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import LUT
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array
from nc.ir.ops.lookup import Lookup
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.table_sum import TableSum
from nc.ir.ops.take import Take


@translates("Thermometer", domain=LUT)
def thermometer(node: Node) -> Tensor:
    x, thresholds = node[0], node.data(1, "the thresholds")
    if x.value is None or len(x.shape) != 1 or thresholds.ndim != 2 or len(thresholds) != x.shape[0]:
        fail("NC109", f"thresholds of Thermometer must be (features, levels) for {x}, not {list(thresholds.shape)}")
    node.check_finite(thresholds, "the thresholds")
    features, levels = thresholds.shape
    copies = node.emit(Take(np.repeat(np.arange(features), levels)), x)
    rows = thresholds.reshape(-1, 1).astype(np.float64)
    return node.emit(MultiThreshold(rows, np.ones(1, np.int64), 0, 0, 1), copies, dtype=TensorProto.INT64)


@translates("Codes", domain=LUT)
def codes(node: Node) -> Tensor:
    scale = np.asarray(node.number(1, "the scale"))
    bits = node.attributes["bits"]
    if not 1 <= bits <= 16:
        fail("NC109", f"bits of Codes must lie in 1..16, not {bits}")
    low, high = span(bits, bool(node.attributes["signed"]), False)
    return node.emit(Quantize(scale, np.zeros((), np.int64), low, high, "half_even"), node[0], dtype=TensorProto.INT64)


@translates("LutLayer", domain=LUT)
def lut_layer(node: Node) -> Tensor:
    indices, tables = _whole(node, 1, "the indices", 2), _whole(node, 2, "the tables", 2)
    return node.emit(Lookup(indices, tables, node.attributes["bits"]), node[0], dtype=TensorProto.INT64, exact=True)


@translates("TableSum", domain=LUT)
def table_sum(node: Node) -> Tensor:
    tables = _whole(node, 1, "the tables", 3)
    total = node.emit(TableSum(tables, node.attributes["lo"]), node[0], dtype=TensorProto.INT64, exact=True)
    bits = node.attributes["bits"]
    if not bits:
        return total
    one = np.ones(1, np.int64)
    return node.emit(Requantize(one, 0 * one, node.attributes["shift"], 0, (1 << bits) - 1), total, exact=True)


def _whole(node: Node, index: int, what: str, rank: int) -> Array:
    """A constant array of whole numbers. Raises NC104, NC109."""
    data = node.data(index, what)
    if data.ndim != rank or data.dtype.kind not in "iu" or not data.size:
        fail("NC109", f"{what} of {node.op} must be integers of rank {rank}, not {node[index]}")
    return data.astype(np.int64)
