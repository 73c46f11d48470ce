"""A bespoke approximate MLP as one flat integer vector: the form in which the search changes it.

With F inputs of `input_bits` bits, H hidden neurons and C classes:

    sum1[i]  = b1[i] + sum_j s1[i,j] * ((x[j] & m1[i,j]) << k1[i,j])        power-of-two weights, masked summand bits
    h[i]     = clip(sum1[i] >> shift[i], 0, 2**bits[i] - 1)                  qReLU: a slice of the sum, saturated
    sum2[c]  = b2[c] + sum_i s2[c,i] * ((h[i] & m2[c,i]) << k2[c,i])
    class    = first arg-max over live c of sum2[c] >> drop

(Afentaki et al., ICCAD 2023, arXiv 2312.17612: masks and qReLU; the dropped low bits and classes are an approximate
arg-max.) A weight of sign 0 is no connection; a bias or a slice may make a neuron constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

IntArray = np.ndarray[Any, np.dtype[np.int32]]

FIELDS = ("s1", "k1", "m1", "b1", "shift", "bits", "s2", "k2", "m2", "b2", "live", "drop")


@dataclass(frozen=True)
class Shape:
    """Features, hidden neurons, classes, and the limits of the search: input bits, largest weight shifts, widest
    hidden activation."""

    features: int
    hidden: int
    classes: int
    input_bits: int = 4
    max_k1: int = 4
    max_k2: int = 3
    max_bits: int = 4

    def sizes(self) -> dict[str, tuple[int, ...]]:
        f, h, c = self.features, self.hidden, self.classes
        first, second = (h, f), (c, h)
        shapes = (first, first, first, (h,), (h,), (h,), second, second, second, (c,), (c,), (1,))
        return dict(zip(FIELDS, shapes))

    @property
    def length(self) -> int:
        return sum(int(np.prod(s)) for s in self.sizes().values())

    @property
    def max_bias(self) -> int:
        """The search keeps biases of the first layer within plus and minus this."""
        return self.features * ((1 << self.input_bits) - 1) << self.max_k1

    def largest_sum(self) -> int:
        """A bound of every sum of both layers in magnitude (two spare bits for the lift of `train`)."""
        second = self.hidden * ((1 << self.max_bits) - 1) << self.max_k2
        return 2 * max(self.max_bias, second)

    def numbers(self) -> tuple[int, int, int]:
        return self.hidden, self.features, self.classes


def split(genome: IntArray, shape: Shape) -> dict[str, IntArray]:
    """The named fields of a genome (views); a leading population axis is kept."""
    parts, at = {}, 0
    for name, size in shape.sizes().items():
        count = int(np.prod(size))
        parts[name] = genome[..., at : at + count].reshape(genome.shape[:-1] + size)
        at += count
    return parts


def join(parts: dict[str, Any], shape: Shape) -> IntArray:
    """The genome of named fields."""
    return np.concatenate([np.asarray(parts[n], dtype=np.int32).reshape(-1) for n in shape.sizes()]).astype(np.int32)


def forward(genome: IntArray, shape: Shape, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The definition above in plain numpy for inputs `x` (N, F): hidden (N, H), sums (N, C), class (N,).

    The oracle of the fast kernels.
    """
    g = split(np.asarray(genome, dtype=np.int64), shape)
    x = np.asarray(x, dtype=np.int64)
    sum1 = g["b1"] + (((x[:, None, :] & g["m1"]) << g["k1"]) * g["s1"]).sum(-1)
    hidden = np.clip(sum1 >> g["shift"], 0, (1 << g["bits"]) - 1)
    sum2 = g["b2"] + (((hidden[:, None, :] & g["m2"]) << g["k2"]) * g["s2"]).sum(-1)
    shown = np.where(g["live"] != 0, sum2 >> g["drop"], np.iinfo(np.int64).min)
    return hidden, sum2, shown.argmax(-1)
