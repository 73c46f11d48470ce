"""Numbers of constants: as ONNX types hold them, as the graph's type rules see them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.tensors import FLOATS, INTEGERS, type_range
from nc.compiler.frontends.onnx.values import Tensor, has_batch
from nc.ir.ops.base import Array, Operand
from nc.ir.ops.constant import Constant
from nc.ir.types import BOOL, F32, I64, TensorType


def constant(data: Array, dtype: int) -> Tensor:
    """A tensor that is nothing but numbers."""
    return Tensor(dtype, data.shape, None, data)


def settled(data: Array) -> Array:
    """Shape data from which the batch size is gone, as plain integers."""
    return data.astype(np.int64) if data.dtype == object and not has_batch(data) else data


def machine_element(data: Array) -> Any:
    return {"f": F32, "b": BOOL}.get(data.dtype.kind, I64)


def constant_operand(tensor: Tensor, exact: bool) -> Operand:
    """What a type rule sees of a constant."""
    data = tensor.data
    assert data is not None
    if exact and data.dtype.kind == "i":
        return Operand(Constant.of(data.reshape(tensor.shape)).kind, data)
    return Operand(TensorType(tensor.shape, machine_element(data)), data)


_ROUNDED: dict[int, Any] = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}


def round_float(data: Array, dtype: int) -> Array:
    """Floats as a narrower float type holds them."""
    narrow = _ROUNDED.get(dtype)
    if narrow is None or data.dtype.kind != "f":
        return data
    with np.errstate(over="ignore"):
        return data.astype(narrow).astype(np.float64)


def cast_data(data: Array, dtype: int) -> Array:
    """Numbers as the type holds them: integers wrap as in C, floats stay exact. Shape data may hold the batch."""
    if data.dtype == object:
        return data
    if dtype in FLOATS:
        if data.dtype.kind == "f":
            return data
        return data.astype(np.float64)
    if dtype == TensorProto.BOOL:
        return np.asarray(data != 0)
    with np.errstate(invalid="ignore"):
        whole: Array = data.astype(np.int64)
    bits = INTEGERS[dtype][0]
    lo, _ = type_range(dtype)
    if bits == 64:
        return whole
    wrapped: Array = (whole - lo) % (1 << bits) + lo
    return wrapped
