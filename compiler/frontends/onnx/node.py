"""A node under translation: its operands and attributes, and the operations that build the graph.

Tensors whose numbers follow from constants alone are folded at once by evaluating the operation; only quantisers
stay in the graph, so that later passes see integers where the model meant integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.folding import (
    cast_data,
    constant,
    constant_operand,
    machine_element,
    round_float,
    settled,
)
from nc.compiler.frontends.onnx.tensors import (
    FLOATS,
    INTEGERS,
    NARROW,
    check_dtype,
    check_size,
    type_name,
    type_range,
)
from nc.compiler.frontends.onnx.values import Tensor, has_batch
from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Builder, Value
from nc.ir.ops.base import Array, Op
from nc.ir.ops.cast import Cast
from nc.ir.ops.concat import Concat
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.slice import Slice
from nc.ir.types import BOOL, F32, I64, TensorType

_KEPT = (Quantize, Dequantize, MultiThreshold)  # never folded into numbers
_SCALAR = np.zeros((), np.int64)
ONE = np.ones(())
_MOST_SAMPLES = 1024  # layers spelled out for each sample, when the leading axis is no batch


@dataclass
class Node:
    """`operands`: None where an optional operand is left out. `version`: of the operator set in force."""

    op: str
    name: str
    version: int
    operands: Sequence[Tensor | None]
    attributes: dict[str, Any]
    build: Builder
    results: tuple[str, ...] = ()
    declared_batch: int | None = None
    made: dict[Any, Value] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)

    # ---- operands -------------------------------------------------------------------------------------------------

    def __getitem__(self, index: int) -> Tensor:
        operand = self.maybe(index)
        if operand is None:
            fail("NC109", f"{self.op} must have operand {index}", help="the model leaves a required operand empty")
        return operand

    def maybe(self, index: int) -> Tensor | None:
        return self.operands[index] if index < len(self.operands) else None

    def wants(self, index: int) -> bool:
        """Does anything in the model name this result?"""
        return index < len(self.results) and bool(self.results[index])

    def data(self, operand: Tensor | int, what: str) -> Array:
        """The numbers of a constant operand. Raises NC104."""
        tensor = self[operand] if isinstance(operand, int) else operand
        if tensor.data is None:
            fail(
                "NC104",
                f"{what} of {self.op} must be constant, not computed from the inputs",
                help="make it an initialiser of the model, or fold constants before export",
            )
        return tensor.data

    def ints(self, index: int, what: str) -> tuple[int, ...]:
        """A constant vector (or scalar) of whole numbers. Raises NC104, NC105, NC109."""
        data = self.data(index, what)
        if has_batch(data):
            fail("NC105", f"{what} of {self.op} must not depend on the batch size")
        if data.ndim > 1 or data.dtype.kind not in "iuO":
            fail("NC109", f"{what} of {self.op} must be a vector of integers, not {self[index]}")
        return tuple(int(i) for i in data.ravel())

    def number(self, index: int, what: str) -> float:
        """A constant scalar. Raises NC104, NC109."""
        data = self.data(index, what)
        if data.size != 1 or has_batch(data):
            fail("NC109", f"{what} of {self.op} must be one number, not {self[index]}")
        return float(data.ravel()[0])

    def refuse(self, message: str, help: str = "") -> NoReturn:
        """Raise NC103."""
        fail("NC103", message, help=help)

    def axis(self, tensor: Tensor, axis: int) -> int:
        """An ONNX axis of `tensor` as an axis of `tensor.shape`. Raises NC109, and NC105 for the batch axis."""
        if not -tensor.rank <= axis < tensor.rank:
            fail("NC109", f"axis of {self.op} must lie in {-tensor.rank}..{tensor.rank - 1}, not {axis}")
        axis %= tensor.rank
        if tensor.batched and axis == tensor.lead:
            fail(
                "NC105",
                f"axis of {self.op} must not be the batch axis {axis} of {tensor}",
                help="the leading axis is the batch; --batch none (batch=None in Python) if the model's is not",
            )
        return axis - (tensor.batched and axis > tensor.lead)

    # ---- building -------------------------------------------------------------------------------------------------

    def lower(self, tensor: Tensor, exact: bool = False) -> Value:
        """The graph's value for a tensor; constants are added once. `exact`: integers with their range."""
        if tensor.value is not None:
            return tensor.value
        data = tensor.data
        assert data is not None
        if has_batch(data):
            fail("NC105", f"{self.op} must not use the batch size as data", help="pass it to reshapes only")
        if data.dtype == object:
            data = data.astype(np.int64)
        self.check_finite(data, "a constant", self.labels.get(id(tensor.data), ""))
        key = (id(tensor.data), tensor.shape, exact)
        if key not in self.made:
            kind = None if exact else TensorType(tensor.shape, machine_element(data))
            self.made[key] = self.build.constant(data.reshape(tensor.shape), kind)
            self.made["keep", id(tensor.data)] = tensor.data  # type: ignore[assignment]  # holds the id
        return self.made[key]

    def check_finite(self, data: Array, what: str, label: str = "") -> None:
        """Raise NC111 for NaN and infinity."""
        bad = int(np.count_nonzero(~np.isfinite(data))) if data.dtype.kind == "f" else 0
        if bad:
            fail(
                "NC111",
                f"{what} of {self.op} must be finite, but {bad} of its {data.size} numbers are NaN or infinite",
                where=Where(node=self.name, tensor=label or self.labels.get(id(data), "")),
                help="train again from a good checkpoint; such weights compute nothing",
            )

    def emit(
        self, op: Op, *operands: Tensor, dtype: int | None = None, batched: bool | None = None, exact: bool = False
    ) -> Tensor:
        """Apply an operation. Constants fold; otherwise a node is added. Small integers that may wrap raise NC116.

        dtype: ONNX type of the result, that of the first operand by default.
        """
        kind = operands[0].dtype if dtype is None else dtype
        exact = exact or any(t.value is not None and self.build.type(t.value).is_int for t in operands)
        data = self._evaluate(op, operands, exact)
        if data is not None and not isinstance(op, _KEPT) and all(t.value is None for t in operands):
            return constant(cast_data(data, kind), kind)
        value = self.build.add(op, *(self.lower(t, exact) for t in operands))
        found = self.build.type(value)
        check_size(found.shape)
        self._check_wrap(found, kind)
        lead = any(t.batched for t in operands) if batched is None else batched
        return Tensor(kind, found.shape, value, data, lead)

    def _evaluate(self, op: Op, operands: tuple[Tensor, ...], exact: bool) -> Array | None:
        if any(t.data is None for t in operands):
            return None
        kinds = [constant_operand(t, exact) for t in operands]
        shape = op.infer_type(*kinds).shape
        check_size(shape)
        arrays = [t.data.reshape(1, *t.shape) for t in operands if t.data is not None]
        with np.errstate(all="ignore"):
            return settled(np.asarray(op.evaluate(*arrays)).reshape(shape))

    def _check_wrap(self, kind: TensorType, dtype: int) -> None:
        if not kind.is_int or dtype not in INTEGERS:
            return
        lo, hi = type_range(dtype)
        if kind.int.lo < lo or kind.int.hi > hi:
            fail(
                "NC116",
                f"the result of {self.op} must fit {type_name(dtype)}, but it can reach {kind.int.lo}..{kind.int.hi}",
                help="cast to int32 before the operation, or quantise its result",
            )

    # ---- small steps that many translations share ------------------------------------------------------------------

    def lined(self, *operands: Tensor) -> tuple[Tensor, ...]:
        """Operands of an element-wise operation whose sample axes line up as numpy lines up the whole tensors.

        Raises NC105 when the batch axis of one would meet another axis of the other.
        """
        if not any(t.batched for t in operands):
            return operands
        rank = max(t.rank for t in operands)
        lined = []
        for tensor in operands:
            if tensor.batched and tensor.rank < rank:
                fail(
                    "NC105",
                    f"operands of {self.op} must keep the batch axis in front, but {tensor} meets a tensor of "
                    f"rank {rank}",
                    help="reshape the smaller operand so that both have the same rank",
                )
            lined.append(self.without_lead(tensor) if not tensor.batched and tensor.rank == rank else tensor)
        return tuple(lined)

    def without_lead(self, tensor: Tensor) -> Tensor:
        """A constant without its leading extent of 1, which stands where others have the batch. Raises NC105."""
        if tensor.shape[0] != 1:
            fail(
                "NC105",
                f"a constant of {self.op} must have a leading extent of 1 where its partner has the batch, "
                f"not {tensor}",
                help="one constant for each sample of a batch has no meaning for hardware",
            )
        return self.reshape(tensor, tensor.shape[1:])

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Another shape of the sample (batched) or of the whole tensor."""
        if shape == tensor.shape:
            return tensor
        made = self.emit(Reshape(shape), tensor)
        if made.value is None and id(tensor.data) in self.labels:
            self.labels[id(made.data)] = self.labels[id(tensor.data)]
            self.made["keep", id(made.data)] = made.data  # type: ignore[assignment]
        return made

    def per_sample(self, tensor: Tensor, apply: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a function that takes (C, *spatial) samples to a tensor (N, C, *spatial), batched or not."""
        if tensor.batched:
            return apply(tensor)
        if not tensor.shape:
            fail("NC109", f"{self.op} must have an operand of rank 2 or more, not a scalar")
        if tensor.shape[0] > _MOST_SAMPLES:
            fail(
                "NC113",
                f"{self.op} must have at most {_MOST_SAMPLES} samples in a whole tensor, not {tensor.shape[0]}",
                help="--batch 0 (batch=0 in Python) takes the leading axis as the batch",
            )
        parts = []
        for index in range(tensor.shape[0]):
            part = tensor if tensor.shape[0] == 1 else self.cut(tensor, 0, index, index + 1)
            made = apply(self.reshape(part, tensor.shape[1:]))
            parts.append(self.reshape(made, (1, *made.shape)))
        if not parts:
            self.refuse(f"{self.op} must have at least one sample, not the empty tensor {tensor}")
        return parts[0] if len(parts) == 1 else self.emit(Concat(0), *parts)

    def cut(self, tensor: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
        """Elements start, start + step, ... before stop of one axis of `tensor.shape`."""
        if (start, stop, step) == (0, tensor.shape[axis], 1):
            return tensor
        starts, stops = [0] * len(tensor.shape), list(tensor.shape)
        steps = [1] * len(tensor.shape)
        starts[axis], stops[axis], steps[axis] = start, stop, step
        return self.emit(Slice(tuple(starts), tuple(stops), tuple(steps)), tensor)

    def check_extent(self, extent: int) -> None:
        """Raise NC113 before an index vector of this length is made."""
        check_size((extent,))

    def exact(self, tensor: Tensor, dtype: int) -> Tensor:
        """The tensor with its integers exact, under another ONNX type."""
        if tensor.value is None:
            return Tensor(dtype, tensor.shape, self.lower(tensor, exact=True), tensor.data, tensor.batched)
        return replace(tensor, dtype=dtype)

    def real(self, tensor: Tensor) -> Tensor:
        """The tensor as machine numbers: exact integers become the reals that they are."""
        if tensor.value is None or not self.build.type(tensor.value).is_int:
            return tensor
        return self.emit(Dequantize(ONE, _SCALAR), tensor, dtype=tensor.dtype)

    def cast(self, tensor: Tensor, dtype: int) -> Tensor:
        """ONNX Cast. Raises NC114 for types without a hardware form."""
        check_dtype(dtype, Where())
        if tensor.value is None and tensor.data is not None:
            return constant(round_float(cast_data(tensor.data, dtype), dtype), dtype)
        assert tensor.value is not None
        element = self.build.type(tensor.value).element
        if dtype in FLOATS:
            if element == F32:
                return replace(tensor, dtype=dtype)
            if element in (I64, BOOL):
                return self.emit(Cast("f32"), tensor, dtype=dtype)
            return self.emit(Dequantize(ONE, _SCALAR), tensor, dtype=dtype)
        if dtype == TensorProto.BOOL:
            return tensor if element == BOOL else self.emit(Cast("bool"), self.real(tensor), dtype=dtype)
        if self.build.type(tensor.value).is_int:
            self._check_wrap(self.build.type(tensor.value), dtype)
            return replace(tensor, dtype=dtype)
        if dtype in NARROW:
            self.refuse(
                f"Cast must not turn {element} into {type_name(dtype)}, which may wrap",
                help="use QuantizeLinear (or QONNX Quant), which says how to round and clamp",
            )
        return replace(tensor, dtype=dtype) if element == I64 else self.emit(Cast("i64"), tensor, dtype=dtype)
