"""Exact integer products at the speed of floating-point BLAS, where the accumulator provably fits the mantissa."""

from __future__ import annotations

import numpy as np

from nc.ir.ops.base import Array

_MANTISSA = ((np.float32, 2**24), (np.float64, 2**53))


def exact_matmul(a: Array, b: Array) -> Array:
    """a @ b; for int64 operands the exact result, computed in the narrowest float type that cannot round.

    Every partial sum is bounded by max|a| * max over columns of sum|b|, so a product within the mantissa is exact in
    whatever order BLAS adds. Constants have a batch of 1, which turns the product into one plain matrix product.
    """
    if a.dtype.kind != "i" or b.dtype.kind != "i":
        return _product(a, b)
    if a.size == 0 or b.size == 0:
        return _product(a, b)
    bound = int(max(a.max(), -a.min())) * int(np.abs(b).sum(axis=-2).max())
    for dtype, limit in _MANTISSA:
        if bound < limit:
            return _product(a.astype(dtype), b.astype(dtype)).astype(np.int64)
    return _product(a, b)


def _product(a: Array, b: Array) -> Array:
    if b.ndim == 2 or all(extent == 1 for extent in b.shape[:-2]):
        flat = a.reshape(-1, a.shape[-1]) @ b.reshape(b.shape[-2:])
        return flat.reshape(*a.shape[:-1], b.shape[-1])
    result: Array = np.matmul(a, b)
    return result
