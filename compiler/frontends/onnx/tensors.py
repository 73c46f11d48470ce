"""Tensors of a model file as numpy arrays: floats as float64, integers as int64, booleans; sizes checked first."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from nc.ir.diagnostics import Where, fail
from nc.ir.ops.base import Array
from nc.ir.types import BOOL, F32, I64, Element, IntType, natural_range

_NOWHERE = Where()
MAX_ELEMENTS = 2**27  # of one tensor: 1 GB as float64

FLOATS: set[int] = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
WIDE: dict[int, tuple[int, bool]] = {  # machine integers of shape arithmetic and indices, evaluated in 64 bits
    TensorProto.INT64: (64, True),
    TensorProto.INT32: (32, True),
    TensorProto.UINT32: (32, False),
    TensorProto.UINT64: (64, False),
}
NARROW: dict[int, tuple[int, bool]] = {  # integers of quantised networks: exact, with the range of their type
    TensorProto.INT16: (16, True),
    TensorProto.UINT16: (16, False),
    TensorProto.INT8: (8, True),
    TensorProto.UINT8: (8, False),
    TensorProto.INT4: (4, True),
    TensorProto.UINT4: (4, False),
    getattr(TensorProto, "INT2", -1): (2, True),
    getattr(TensorProto, "UINT2", -2): (2, False),
}
INTEGERS: dict[int, tuple[int, bool]] = {**WIDE, **NARROW}
SUPPORTED: set[int] = FLOATS | INTEGERS.keys() | {TensorProto.BOOL}


def type_name(dtype: int) -> str:
    """ONNX' name of an element type."""
    try:
        return str(TensorProto.DataType.Name(TensorProto.DataType.ValueType(dtype))).lower()
    except ValueError:
        return f"type {dtype}"


def check_dtype(dtype: int, where: Where) -> None:
    """Raise NC114 for element types without a hardware form."""
    if dtype not in SUPPORTED:
        fail(
            "NC114",
            f"a tensor must hold floats, integers or booleans, not {type_name(dtype)}",
            where=where,
            help="convert the tensor before export",
        )


def element_of(dtype: int) -> Element:
    """The graph's element for a tensor that is not constant."""
    if dtype in FLOATS:
        return F32
    if dtype in NARROW:
        return IntType(*natural_range(*NARROW[dtype]))
    return BOOL if dtype == TensorProto.BOOL else I64


def type_range(dtype: int) -> tuple[int, int]:
    """Least and greatest number of an ONNX integer type."""
    return natural_range(*INTEGERS[dtype])


def check_size(shape: tuple[int, ...], where: Where = _NOWHERE) -> None:
    """Raise NC113 before anything of this shape is allocated."""
    count = math.prod(shape)
    if count > MAX_ELEMENTS:
        fail(
            "NC113",
            f"a tensor must hold at most {MAX_ELEMENTS} elements, not {count} of shape {list(shape)}",
            where=where,
        )


def widen(array: Array) -> Array:
    """float64, int64 or bool, without changing a value."""
    if array.dtype.kind == "b" or array.dtype == object:
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    name = array.dtype.name
    with np.errstate(invalid="ignore"):  # NaN stays NaN, and is reported where it is used
        return array.astype(np.int64 if name.startswith(("int", "uint")) else np.float64)


def to_numpy(tensor: TensorProto, folder: Path | None = None) -> Array:
    """The tensor's data. `folder`: where external data may lie. Raises NC110, NC112, NC113, NC114."""
    where = Where(tensor=tensor.name)
    check_dtype(tensor.data_type, where)
    shape = tuple(tensor.dims)
    if any(d < 0 for d in shape):
        fail("NC110", f"extents of a tensor must not be negative, not {list(shape)}", where=where)
    check_size(shape, where)
    if tensor.data_location == TensorProto.EXTERNAL:
        raw = _external(tensor, folder, where)
        copy = TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=raw, name=tensor.name)
        return to_numpy(copy)
    try:
        return widen(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, OverflowError) as error:
        fail(
            "NC110",
            f"the data of a tensor must fill its shape {list(shape)} of {type_name(tensor.data_type)}: {error}",
            where=where,
            help="the file is damaged; export the model again",
        )


def _external(tensor: TensorProto, folder: Path | None, where: Where) -> bytes:
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location", "")
    if folder is None:
        fail(
            "NC112",
            "external data must be read with the model's file, not from a model in memory",
            where=where,
            help="use read_onnx(path)",
        )
    root = folder.resolve()
    path = Path(location)
    target = (root / path).resolve() if "\0" not in location else root
    if not location or path.is_absolute() or ".." in path.parts or not target.is_relative_to(root) or target == root:
        fail(
            "NC112",
            f"external data must lie in the model's folder, not at '{location}'",
            where=where,
            help="save the model with all its data in one folder",
        )
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or -1)
        size = target.stat().st_size
        if offset < 0 or offset > size or length > size - offset:
            fail("NC110", f"external data of {length} bytes at {offset} must lie within {size} bytes", where=where)
        with target.open("rb") as stream:
            stream.seek(offset)
            return stream.read(length)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        fail(
            "NC110",
            f"external data '{location}' must be readable: {reason}",
            where=where,
            help="copy the data file next to the model",
        )


def default_opset() -> int:
    """The newest operator set that the installed onnx package knows."""
    return int(onnx.defs.onnx_opset_version())
