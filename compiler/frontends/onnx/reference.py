"""Nodes on constants whose operator has no folding of ours: onnx' reference evaluator computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.tensors import SUPPORTED, check_size, widen
from nc.compiler.frontends.onnx.values import Tensor, has_batch

_RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
)


def folded(node: NodeProto, operands: Sequence[Tensor | None], version: int) -> list[Tensor] | None:
    """The results of a standard node whose operands are numbers; None where it has none that we can know."""
    present = [t for t in operands if t is not None]
    if node.op_type in _RANDOM or any(t.data is None or t.batched or has_batch(t.data) for t in present):
        return None
    try:
        onnx.defs.get_schema(node.op_type, version, "")
    except onnx.defs.SchemaError:
        return None
    names = [f"operand{i}" if t is not None else "" for i, t in enumerate(operands)]
    results = [f"result{i}" for i in range(len(node.output))]
    copy = NodeProto()
    copy.CopyFrom(node)
    del copy.input[:], copy.output[:]
    copy.input.extend(names)
    copy.output.extend(results)
    inputs = [helper.make_tensor_value_info(n, t.dtype, t.shape) for n, t in zip(names, operands, strict=True) if t]
    outputs = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in results]
    model = helper.make_model(
        helper.make_graph([copy], "constant", inputs, outputs), opset_imports=[helper.make_opsetid("", version)]
    )
    fed = {n: _typed(t) for n, t in zip(names, operands, strict=True) if t is not None}
    try:
        made: list[Any] = ReferenceEvaluator(model).run(None, fed)  # type: ignore[assignment]
    except Exception:  # of any kind: the evaluator's operators check little; the caller says what is wrong
        return None
    return _tensors(made)


def _typed(tensor: Tensor) -> Any:
    assert tensor.data is not None
    return np.asarray(tensor.data).reshape(tensor.shape).astype(helper.tensor_dtype_to_np_dtype(tensor.dtype))


def _tensors(made: Sequence[Any]) -> list[Tensor] | None:
    tensors = []
    for array in map(np.asarray, made):
        try:
            dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
        except (KeyError, ValueError):
            return None
        if dtype not in SUPPORTED:
            return None
        check_size(array.shape)
        tensors.append(constant(widen(array), dtype))
    return tensors
