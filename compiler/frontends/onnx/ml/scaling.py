"""What stands in front of a classical model: Scaler, Imputer, Binarizer; Normalizer is refused by name."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.ml.linear import features
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.signatures import ML
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.greater import Greater
from nc.ir.ops.mul import Mul
from nc.ir.ops.sub import Sub


@translates("Scaler", domain=ML)
def scaler(node: Node) -> Tensor:
    """(x - offset) * scale, one of each for the tensor or one a feature."""
    x = features(node)
    for op, name, neutral in ((Sub(), "offset", 0.0), (Mul(), "scale", 1.0)):
        numbers = np.array(node.attributes[name] or (neutral,), np.float64)
        if len(numbers) not in (1, x.shape[0]):
            fail("NC109", f"{name} of {node.op} must be 1 or {x.shape[0]} numbers, not {len(numbers)}")
        if np.any(numbers != neutral):
            x = node.emit(op, x, constant(numbers, x.dtype))
    return x


@translates("Imputer", domain=ML)
def imputer(node: Node) -> Tensor:
    """Nothing: no number at a port is missing. Raises NC103 where another number than NaN stands for it."""
    missing = node.attributes["replaced_value_float"]
    if node.attributes["imputed_value_int64s"] or missing is not None and not math.isnan(missing):
        node.refuse(
            "values that Imputer replaces must be NaN, which no port carries, not a number",
            "impute the data before they reach the hardware, and export the model behind the imputer",
        )
    return features(node)


@translates("Binarizer", domain=ML)
def binarizer(node: Node) -> Tensor:
    x = features(node)
    bound = constant(np.array([node.attributes["threshold"] or 0.0]), x.dtype)
    return node.cast(node.emit(Greater(), x, bound, dtype=TensorProto.BOOL), x.dtype)


@translates("Normalizer", domain=ML)
def normalizer(node: Node) -> Tensor:
    node.refuse(
        f"Normalizer ({node.attributes['norm']}) must not divide each sample by its own norm: hardware has constants",
        "normalise the data before they reach the hardware, or scale by constants (StandardScaler, MinMaxScaler)",
    )
