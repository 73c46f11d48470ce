"""Simulated annealing of genomes over accuracy and area, tracing the whole front in one descent.

A chain minimises  errors/N + price * area  while the price of area rises geometrically from almost nothing to far too
much; the least-error genome of every area bin seen on the way is kept. Only the changed neuron is evaluated again, so
a step costs microseconds. Several descents, each from the front of those before it, refine the front.
"""

from __future__ import annotations

import numba
import numpy as np

from nc.compiler.printed.area import _bit_length, count_first, count_second, fields
from nc.compiler.printed.kernels import count_cost, hidden_row, output_row

BINS = 160
AREA_LOW, AREA_HIGH = 4.0, 4000.0  # mm², the ends of the archive's logarithmic bins


@numba.njit(cache=True)
def area_bin(area):  # type: ignore[no-untyped-def]
    """The archive's bin of an area in mm²."""
    place = np.log(max(area, AREA_LOW) / AREA_LOW) / np.log(AREA_HIGH / AREA_LOW)
    return min(BINS - 1, int(place * BINS))


@numba.njit(cache=True)
def _unit(rng):  # type: ignore[no-untyped-def]
    """A uniform number in [0, 1) from the xorshift64* generator (Vigna, 2016): the same on every platform."""
    x = rng[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    rng[0] = x
    return np.float64((x * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)) * (1.0 / (1 << 53))


@numba.njit(cache=True)
def _below(rng, n):  # type: ignore[no-untyped-def]
    return int(_unit(rng) * n)


@numba.njit(cache=True)
def _sign(rng):  # type: ignore[no-untyped-def]
    return 1 if _unit(rng) < 0.5 else -1


@numba.njit(cache=True)
def _change_connection(rng, s, k, m, max_k, all_bits, sparse):  # type: ignore[no-untyped-def]
    """Changes one connection, given as 1-element views."""
    kind = _below(rng, 8)
    if s[0] == 0 or kind == 0:
        if s[0] != 0 or _unit(rng) < sparse:
            s[0] = 0 if s[0] != 0 else _sign(rng)
        else:
            s[0] = _sign(rng)
        k[0] = _below(rng, max_k + 1)
        m[0] = all_bits if _unit(rng) < 0.5 else 1 + _below(rng, all_bits)
    elif kind == 1:
        s[0] = -s[0]
    elif kind <= 3:
        step = _sign(rng)
        k[0] = min(max_k, max(0, k[0] + step))
    elif kind <= 6:
        m[0] ^= 1 << _below(rng, _bit_length(all_bits))
        if m[0] == 0:
            s[0] = 0
    else:
        m[0] = all_bits


@numba.njit(cache=True)
def _mutate(rng, g, hidden, features, classes, max_k1, max_k2, max_bits, in_bits, max_bias):  # type: ignore[no-untyped-def]
    """One random change of `g` in place. Returns (first changed hidden neuron or -1, or -2 for all; changed class or
    -1, or -2 for none of the sums but the arg-max)."""
    s1, k1, m1, b1, shift, bits, s2, k2, m2, b2, live, drop = fields(g, hidden, features, classes)
    r = _unit(rng)
    first_share = 0.30 + 0.35 * features / (features + classes)
    if r < first_share:
        i, j = _below(rng, hidden), _below(rng, features)
        if _unit(rng) < 0.1:
            q = _below(rng, features)  # two inputs change places
            s1[i, j], s1[i, q] = s1[i, q], s1[i, j]
            k1[i, j], k1[i, q] = k1[i, q], k1[i, j]
            m1[i, j], m1[i, q] = m1[i, q], m1[i, j]
        else:
            _change_connection(
                rng, s1[i, j : j + 1], k1[i, j : j + 1], m1[i, j : j + 1], max_k1, (1 << in_bits) - 1, 0.5
            )
        return i, -1
    if r < 0.72:
        i, c = _below(rng, hidden), _below(rng, classes)
        _change_connection(rng, s2[c, i : i + 1], k2[c, i : i + 1], m2[c, i : i + 1], max_k2, (1 << max_bits) - 1, 0.5)
        return -1, c
    if r < 0.82:
        i = _below(rng, hidden)
        step = (_sign(rng)) << _below(rng, 6)
        b1[i] = min(max_bias, max(-max_bias, b1[i] + step))
        return i, -1
    if r < 0.88:
        c = _below(rng, classes)
        step = (_sign(rng)) << _below(rng, 5)
        b2[c] = min(max_bias, max(-max_bias, b2[c] + step))
        return -1, c
    if r < 0.94:
        i = _below(rng, hidden)
        step = _sign(rng)
        if _unit(rng) < 0.5:
            shift[i] = min(9, max(0, shift[i] + step))
        else:
            bits[i] = min(max_bits, max(1, bits[i] + step))
        return i, -1
    if r < 0.955:
        c = _below(rng, classes)
        live[c] = 1 - live[c]
        return -1, c if live[c] else -2
    if r < 0.965:
        drop[0] = min(5, max(0, drop[0] + _sign(rng)))
        return -1, -2
    if r < 0.98:
        # an input bit is pruned everywhere
        j, b = _below(rng, features), _below(rng, in_bits)
        for i in range(hidden):
            m1[i, j] &= ~(1 << b)
            if m1[i, j] == 0:
                s1[i, j] = 0
        return -2, -1
    # a neuron's weights are halved or doubled together
    i = _below(rng, hidden)
    step = _sign(rng)
    for j in range(features):
        k1[i, j] = min(max_k1, max(0, k1[i, j] + step))
    if step > 0:
        b1[i] = min(max_bias, max(-max_bias, b1[i] << 1))
    else:
        b1[i] >>= 1
    shift[i] = min(9, max(0, shift[i] + step))
    return i, -1


@numba.njit(cache=True, boundscheck=False)
def descend(  # type: ignore[no-untyped-def]
    start,
    hidden,
    features,
    classes,
    max_k1,
    max_k2,
    max_bits,
    in_bits,
    max_bias,
    x,
    cost,
    unit,
    prices,
    steps,
    heat,
    price_low,
    price_high,
    seed,
    archive,
    archive_errors,
    archive_area,
):
    """One descent from genome `start` on samples `x` (F, N) with `cost` (classes, N) of choosing a class; writes the
    archive (BINS rows). An error costs `unit`.

    `heat`: (first, last) temperature in units of the error rate; `price_low`, `price_high`: the price of 1 mm².
    """
    rng = np.empty(1, np.uint64)
    rng[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)
    n = x.shape[1]
    worst = float(n * unit)
    g = start.copy()
    h = np.empty((hidden, n), x.dtype)
    sums = np.empty((classes, n), x.dtype)
    h_new = np.empty((hidden, n), x.dtype)
    sums_new = np.empty((classes, n), x.dtype)
    best = np.empty(n, x.dtype)
    shown = np.empty(n, x.dtype)
    paid = np.empty(n, cost.dtype)
    counted = np.zeros((hidden, prices.shape[0]), np.int64)
    counted_new = counted.copy()
    part = np.zeros(prices.shape[0], np.int64)
    top = np.zeros(hidden, np.int64)
    top_new = top.copy()
    wrong_now = n * unit
    area_now = 0.0
    for step in range(steps):
        progress = step / steps
        temperature = heat[0] * (heat[1] / heat[0]) ** progress
        price = price_low * (price_high / price_low) ** progress
        trial = g.copy()
        if step == 0:
            neuron, row = -2, -1
        else:
            neuron, row = _mutate(rng, trial, hidden, features, classes, max_k1, max_k2, max_bits, in_bits, max_bias)
        s1, k1, m1, b1, shift, bits, s2, k2, m2, b2, live, drop = fields(trial, hidden, features, classes)
        alive = 0
        for c in range(classes):
            alive += live[c]
        if alive == 0:
            continue

        # area first: it is cheap, and often settles the matter
        counted_new[:] = counted
        top_new[:] = top
        for i in range(hidden):
            if neuron == -2 or neuron == i:
                top_new[i] = count_first(trial, hidden, features, classes, i, counted_new[i])
        count_second(trial, hidden, features, classes, top_new, part)
        area = 0.0
        for q in range(prices.shape[0]):
            area += prices[q] * part[q]
        for i in range(hidden):
            used = False
            for c in range(classes):
                if live[c] and s2[c, i] != 0 and m2[c, i] & ((1 << _bit_length(top_new[i])) - 1):
                    used = True
                    break
            if used:
                for q in range(prices.shape[0]):
                    area += prices[q] * counted_new[i, q]
        # the price has risen since the present genome was weighed, so it is weighed again
        energy = wrong_now / worst + price * area_now
        allowed = energy - temperature * np.log(_unit(rng) + 1e-300)
        if step > 0 and price * area > allowed:
            continue

        # then the changed rows only
        for i in range(hidden):
            if neuron == -2 or neuron == i:
                hidden_row(x, s1[i], k1[i], m1[i], b1[i], shift[i], bits[i], h_new[i])
        if neuron >= 0:
            before, after = h[neuron], h_new[neuron]
            for c in range(classes):
                if s2[c, neuron] == 0:
                    sums_new[c, :] = sums[c, :]
                    continue
                weight = np.int64(s2[c, neuron]) << k2[c, neuron]
                mask = np.int64(m2[c, neuron])
                src, dst = sums[c], sums_new[c]
                for t in range(n):
                    dst[t] = src[t] + ((after[t] & mask) - (before[t] & mask)) * weight
            wrong = count_cost(sums_new, live, drop[0], cost, best, paid, shown)
        elif neuron == -2:
            for c in range(classes):
                output_row(h_new, s2[c], k2[c], m2[c], b2[c], sums_new[c])
            wrong = count_cost(sums_new, live, drop[0], cost, best, paid, shown)
        else:
            # one class changed, or only the arg-max: its row is exchanged in place and put back when refused
            if row >= 0:
                sums_new[row, :] = sums[row, :]
                output_row(h, s2[row], k2[row], m2[row], b2[row], sums[row])
            wrong = count_cost(sums, live, drop[0], cost, best, paid, shown)

        value = wrong / worst + price * area
        if step == 0 or value <= allowed:
            g = trial
            wrong_now = wrong
            area_now = area
            if neuron == -2:
                h[:] = h_new
                sums[:] = sums_new
            elif neuron >= 0:
                h[neuron, :] = h_new[neuron, :]
                sums[:] = sums_new
            counted[:] = counted_new
            top[:] = top_new
            place = area_bin(area)
            if wrong < archive_errors[place] or (wrong == archive_errors[place] and area < archive_area[place]):
                archive_errors[place] = wrong
                archive_area[place] = area
                archive[place, :] = g
        elif neuron == -1 and row >= 0:
            sums[row, :] = sums_new[row, :]
