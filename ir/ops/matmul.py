"""matmul: matrix product over the last two axes of the samples, exact on integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand, elementwise_machine, int_range
from nc.ir.ops.exact import exact_matmul
from nc.ir.types import IntType, TensorType


@dataclass(frozen=True, eq=False)
class MatMul(Op):
    """a @ b as numpy has it on the samples' shapes: (..., k) @ (k, m), (k,) @ (k, m), (..., k) @ (k,)."""

    name = "matmul"
    arity = 2

    def infer_type(self, *operands: Operand) -> TensorType:
        a, b = (o.type for o in operands)
        shape = _shape(a, b)
        machine = elementwise_machine(self.name, *operands)
        if machine is not None:
            return TensorType(shape, machine)
        return TensorType(shape, int_range(self.name, product_corners(*operands)))

    def evaluate(self, *operands: Array) -> Array:
        a, b = operands
        vector_a, vector_b = a.ndim == 2, b.ndim == 2
        if vector_a:
            a = a[:, None, :]
        if vector_b:
            b = b[:, :, None]
        rank = max(a.ndim, b.ndim)
        a = a.reshape(a.shape[0], *(1,) * (rank - a.ndim), *a.shape[1:])
        b = b.reshape(b.shape[0], *(1,) * (rank - b.ndim), *b.shape[1:])
        result = exact_matmul(a, b)
        if vector_b:
            result = result[..., 0]
        if vector_a:
            result = result[..., 0] if vector_b else result[..., 0, :]
        return result


def _shape(a: TensorType, b: TensorType) -> tuple[int, ...]:
    left = a.shape if a.rank > 1 else (1, *a.shape)
    right = b.shape if b.rank > 1 else (*b.shape, 1)
    try:
        lead = np.broadcast_shapes(left[:-2], right[:-2])
        fits = bool(a.shape) and bool(b.shape) and left[-1] == right[-2]
    except ValueError:
        fits = False
    if not fits:
        fail(
            "NC205",
            f"the inner extents of matmul must agree, not {list(a.shape)} and {list(b.shape)}",
            help="check the sizes of the layer's weights",
        )
    return (*lead, *left[-2:-1][: a.rank - 1], *right[-1:][: b.rank - 1])


def dot_corners(x: IntType, weights: Array) -> list[int]:
    """Least and greatest of x . w over all columns w of `weights` (terms, columns) and all x in range."""
    if weights.size == 0:
        return [0]
    positive = np.maximum(weights, 0).sum(axis=0).astype(object)  # objects: the products may pass 64 bits
    negative = np.minimum(weights, 0).sum(axis=0).astype(object)
    return [int((positive * x.lo + negative * x.hi).min()), int((positive * x.hi + negative * x.lo).max())]


def product_corners(a: Operand, b: Operand) -> list[int]:
    """Extreme values of an integer matrix product: exact over the operand ranges when one side is constant."""
    for x, w, axis in ((a, b, 0 if b.type.rank == 1 else -2), (b, a, -1)):
        if w.value is None:
            continue
        return dot_corners(x.type.int, np.moveaxis(w.value, axis, 0).reshape(w.value.shape[axis], -1))
    terms = a.type.shape[-1]
    products = [p * q for p in (a.type.int.lo, a.type.int.hi) for q in (b.type.int.lo, b.type.int.hi)]
    return [terms * min(products), terms * max(products)]
