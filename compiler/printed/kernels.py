"""Fast evaluation of genomes over samples: a population at once, and one changed neuron at a time.

Samples are columns, `x` (F, N) int16, so that inner loops run over contiguous samples and vectorise.
"""

from __future__ import annotations

import numba
import numpy as np

from nc.compiler.printed.area import count_all, fields
from nc.compiler.printed.genome import IntArray, Shape


@numba.njit(cache=True, fastmath=True, boundscheck=False)
def hidden_row(x, s, k, m, bias, shift, bits, out):  # type: ignore[no-untyped-def]
    """One hidden neuron for all samples into `out` (N,) int32."""
    n = x.shape[1]
    for t in range(n):
        out[t] = np.int32(bias)
    for j in range(x.shape[0]):
        if s[j] == 0:
            continue
        weight = np.int32(s[j] * (1 << k[j]))
        mask = np.int32(m[j])
        row = x[j]
        for t in range(n):
            out[t] = np.int32(out[t] + np.int32(np.int32(row[t]) & mask) * weight)
    limit = np.int32((1 << bits) - 1)
    for t in range(n):
        v = np.int32(out[t] >> shift)
        v = np.int32(0) if v < 0 else v
        out[t] = limit if v > limit else v


@numba.njit(cache=True, fastmath=True, boundscheck=False)
def output_row(h, s, k, m, bias, out):  # type: ignore[no-untyped-def]
    """The sum of one class for all samples into `out` (N,) int32."""
    n = h.shape[1]
    for t in range(n):
        out[t] = np.int32(bias)
    for i in range(h.shape[0]):
        if s[i] == 0:
            continue
        weight = np.int32(s[i] * (1 << k[i]))
        mask = np.int32(m[i])
        row = h[i]
        for t in range(n):
            out[t] = np.int32(out[t] + np.int32(row[t] & mask) * weight)


@numba.njit(cache=True, fastmath=True, boundscheck=False)
def count_errors(sums, live, drop, y, best, index):  # type: ignore[no-untyped-def]
    """Wrong classes; `best`, `index` (N,) int32 are scratch, `index` holds the class afterwards."""
    n = y.shape[0]
    for t in range(n):
        best[t] = np.int32(-(1 << 30))
        index[t] = np.int32(0)
    for c in range(live.shape[0]):
        if live[c] == 0:
            continue
        row = sums[c]
        cc = np.int32(c)
        for t in range(n):
            v = np.int32(row[t] >> drop)
            better = v > best[t]
            best[t] = v if better else best[t]
            index[t] = cc if better else index[t]
    wrong = 0
    for t in range(n):
        wrong += index[t] != y[t]
    return wrong


@numba.njit(cache=True, parallel=True, boundscheck=False)
def _population(genomes, hidden, features, classes, x, y, prices):  # type: ignore[no-untyped-def]
    size, n = genomes.shape[0], x.shape[1]
    errors = np.zeros(size, np.int64)
    areas = np.zeros(size, np.float64)
    for p in numba.prange(size):
        s1, k1, m1, b1, shift, bits, s2, k2, m2, b2, live, drop = fields(genomes[p], hidden, features, classes)
        h = np.empty((hidden, n), np.int32)
        sums = np.empty((classes, n), np.int32)
        best = np.empty(n, np.int32)
        index = np.empty(n, np.int32)
        for i in range(hidden):
            hidden_row(x, s1[i], k1[i], m1[i], b1[i], shift[i], bits[i], h[i])
        for c in range(classes):
            if live[c]:
                output_row(h, s2[c], k2[c], m2[c], b2[c], sums[c])
        errors[p] = count_errors(sums, live, drop[0], y, best, index)
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
    columns = np.ascontiguousarray(np.asarray(x, dtype=np.int16).T)
    result: tuple[np.ndarray, np.ndarray] = _population(
        np.ascontiguousarray(genomes, dtype=np.int32), *shape.numbers(), columns, y.astype(np.int32), prices
    )
    return result
