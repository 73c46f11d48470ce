"""Fast evaluation of genomes over samples: a population at once, and one changed neuron at a time.

Samples are columns, `x` (F, N) int16, so that inner loops run over contiguous samples and vectorise.
"""

from __future__ import annotations

import numba
import numpy as np

from nc.compiler.printed.area import count_all, fields
from nc.compiler.printed.genome import IntArray, Shape


@numba.njit(cache=True, boundscheck=False)
def hidden_row(x, s, k, m, bias, shift, bits, out):  # type: ignore[no-untyped-def]
    """One hidden neuron for all samples into `out` (N,).

    Sums are computed in 64 bits and stored in the type of `out`, which the compiler narrows to the lanes of a vector
    unit; the right shift is a float multiplication for the same reason (exact below 2**24, the value is not negative).
    """
    n = x.shape[1]
    for t in range(n):
        out[t] = bias
    for j in range(x.shape[0]):
        if s[j] == 0:
            continue
        weight = np.int64(s[j]) << k[j]
        mask = np.int64(m[j])
        row = x[j]
        for t in range(n):
            out[t] = out[t] + (row[t] & mask) * weight
    limit = np.float32((1 << bits) - 1)
    scale = np.float32(1.0 / (1 << shift))
    for t in range(n):
        v = np.float32(max(out[t], 0)) * scale
        out[t] = np.int32(min(v, limit))


@numba.njit(cache=True, boundscheck=False)
def output_row(h, s, k, m, bias, out):  # type: ignore[no-untyped-def]
    """The sum of one class for all samples into `out` (N,)."""
    n = h.shape[1]
    for t in range(n):
        out[t] = bias
    for i in range(h.shape[0]):
        if s[i] == 0:
            continue
        weight = np.int64(s[i]) << k[i]
        mask = np.int64(m[i])
        row = h[i]
        for t in range(n):
            out[t] = out[t] + (row[t] & mask) * weight


@numba.njit(cache=True, boundscheck=False)
def count_cost(sums, live, drop, cost, best, paid, shown):  # type: ignore[no-untyped-def]
    """The cost (classes, N) of the chosen classes, summed; `best`, `paid`, `shown` (N,) are scratch."""
    n = cost.shape[1]
    keep = ~((np.int64(1) << drop) - 1)  # masking low bits orders as shifting them out does
    first = True
    for c in range(live.shape[0]):
        if live[c] == 0:
            continue
        row, price = sums[c], cost[c]
        if drop > 0:
            for t in range(n):
                shown[t] = row[t] & keep
            row = shown
        if first:
            for t in range(n):
                best[t] = row[t]
                paid[t] = price[t]
            first = False
            continue
        for t in range(n):
            better = row[t] > best[t]
            best[t] = row[t] if better else best[t]
            paid[t] = price[t] if better else paid[t]
    total = 0
    for t in range(n):
        total += paid[t]
    return total


@numba.njit(cache=True, parallel=True, boundscheck=False)
def _population(genomes, hidden, features, classes, x, cost, prices):  # type: ignore[no-untyped-def]
    size, n = genomes.shape[0], x.shape[1]
    errors = np.zeros(size, np.int64)
    areas = np.zeros(size, np.float64)
    for p in numba.prange(size):
        s1, k1, m1, b1, shift, bits, s2, k2, m2, b2, live, drop = fields(genomes[p], hidden, features, classes)
        h = np.empty((hidden, n), x.dtype)
        sums = np.empty((classes, n), x.dtype)
        best = np.empty(n, x.dtype)
        shown = np.empty(n, x.dtype)
        paid = np.empty(n, cost.dtype)
        for i in range(hidden):
            hidden_row(x, s1[i], k1[i], m1[i], b1[i], shift[i], bits[i], h[i])
        for c in range(classes):
            if live[c]:
                output_row(h, s2[c], k2[c], m2[c], b2[c], sums[c])
        errors[p] = count_cost(sums, live, drop[0], cost, best, paid, shown)
        counts = count_all(genomes[p], hidden, features, classes)
        total = 0.0
        for q in range(counts.shape[0]):
            total += counts[q] * prices[q]
        areas[p] = total
    return errors, areas


def evaluate_population(
    genomes: IntArray, shape: Shape, x: np.ndarray, y: np.ndarray, prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(errors, area in mm²) of every genome (P, length) on samples `x` (N, F) with labels `y` (N,)."""
    result: tuple[np.ndarray, np.ndarray] = _population(
        np.ascontiguousarray(genomes, dtype=np.int32), *shape.numbers(), *as_columns(shape, x, y), prices
    )
    return result


def as_columns(shape: Shape, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples (N, F) as columns of the narrowest type that holds every sum, and the cost (classes, N) of choosing
    each class: 1 for all but the label's of `y` (N,), or `y` (N, classes) itself where it is a cost already."""
    dtype = np.int16 if shape.largest_sum() < 1 << 15 else np.int32
    cost = y.T if y.ndim == 2 else np.arange(shape.classes)[:, None] != y
    return np.ascontiguousarray(np.asarray(x).astype(dtype).T), np.ascontiguousarray(cost.astype(dtype))
