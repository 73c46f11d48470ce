"""Integers as bits for an array that can only count XNORs: activations, weights, thresholds.

An activation is x = offset + scale * sum_j 2^j b_j (planes), a weight w = (1/h) * sum_k u_k W_k with W_k = +-1. Since
sum W b = popcount(xnor(W, b)) - n/2 + (sum W)/2,

    sum w x = alpha * P + beta,   P = sum_jk 2^j u_k popcount(xnor(W_k, b_j)),   alpha = scale / h

so a comparison of the accumulator is a comparison of P, and P is what the array computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Activation:
    """x = offset + scale * sum over planes of 2^j b_j; a thermometer has `bits` bits of plane 0 for one element."""

    offset: int
    scale: int
    planes: int = 1
    bits: int = 1


@dataclass(frozen=True)
class Accumulator:
    """`weights` (O, planes * repeats * n) in the stream's order; sum w x = alpha * P + beta[o].

    `products[c]`: stream bits of column c, arriving in the runs `order`; `repeats`: how often each plane of the window
    is read (weight planes).
    """

    weights: Array
    products: tuple[int, ...]
    order: tuple[tuple[int, int], ...]
    repeats: int
    alpha: Fraction
    beta: tuple[Fraction, ...]


def weight_planes(weights: Array) -> tuple[Array, tuple[int, ...], int]:
    """Integers to +-1 planes: (K, *shape) bool, units u_k, and h with h * w = sum_k u_k W_k.

    >>> planes, units, h = weight_planes(np.array([-1, 0, 1]))
    >>> units, h, [(int(u) * (2 * p.astype(int) - 1)).tolist() for u, p in zip(units, planes)]
    ((1, 1), 2, [[-1, -1, 1], [-1, 1, 1]])
    """
    if (np.abs(weights) == 1).all():
        return (weights > 0)[None], (1,), 1
    top = max(1, int(np.abs(weights).max()))
    bits = (top - 1).bit_length() + 1
    level = weights.astype(np.int64) + (1 << bits - 1)  # 0 .. 2^bits as bits of units 1, 2, 4 ... and one more 1
    full = level == 1 << bits
    planes = [full, *((((level >> k) & 1) == 1) | full for k in range(bits))]
    return np.stack(planes), (1, *(1 << k for k in range(bits))), 2


def accumulate(weights: Array, activation: Activation, odd: bool = True) -> Accumulator:
    """weights (O, n), one for each bit of the window in its order. `odd`: `alpha` need be no power of two."""
    common = max(1, int(np.gcd.reduce(np.abs(weights), axis=None)))  # a scale in all weights is no precision
    common = common if odd else common & -common
    planes, units, h = weight_planes(weights // common)
    stream: list[Array] = []
    products = [0] * (activation.planes + max(units).bit_length())
    alpha = Fraction(activation.scale * common, h)
    beta = [Fraction(int(row)) * activation.offset / activation.bits for row in weights.sum(axis=1)]
    n = weights.shape[1]
    order: list[tuple[int, int]] = []
    for j in range(activation.planes):
        for unit, plane in zip(units, planes, strict=True):
            stream.append(plane)
            column = j + unit.bit_length() - 1
            products[column] += n
            if order and order[-1][0] == column:
                order[-1] = (column, order[-1][1] + n)
            else:
                order.append((column, n))
            ones = plane.sum(axis=1)
            for o, count in enumerate(ones):
                beta[o] += alpha * unit * (1 << j) * (Fraction(2 * int(count) - n, 2) - Fraction(n, 2))
    while not products[-1]:
        products.pop()
    return Accumulator(np.concatenate(stream, axis=1), tuple(products), tuple(order), len(units), alpha, tuple(beta))


def ceil(value: Fraction) -> int:
    return -int(-value // 1)
