"""The area model: adders, saturation, comparators and multiplexers of a genome, counted as the builder makes them.

A column of h bits takes (h-1)//2 full adders, one half adder when h is even, and passes h//2 carries on, final adder
included (the published full-adder count stops at two rows). Columns below the slice need carries only, the top column
sums only. `PRICES` turns counts into mm².
"""

from __future__ import annotations

import numba
import numpy as np

# The counted things, in the order of PRICES.
FULL, HALF, CARRY, HALF_CARRY, SUM, HALF_SUM, SATURATE, CLAMP, COMPARE, MUX, INDEX, NEGATED = range(12)
COUNTED = 12

# mm² each: between the price of the cells (a full adder is nine NANDs, 2.23) and a robust fit to 250 mapped random
# candidates, of which logic optimisation removes much of what selects (`benchmarks/printed_area.py` measures it).
PRICES = np.array([2.2, 0.6, 0.9, 0.35, 1.7, 0.8, 0.3, 0.25, 0.5, 0.5, 0.3, 0.08])

_WIDTH = 24


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _bit_length(value: int) -> int:
    n = 0
    while value > 0:
        value >>= 1
        n += 1
    return n


@numba.njit(cache=True)
def count_adders(heights, constant, width, low, counts):  # type: ignore[no-untyped-def]
    """Adds to `counts` the adders that sum `heights[k]` bits of weight 2**k and a constant modulo 2**width, of which
    the bits below `low` are not needed. `heights` is destroyed. Returns how many of the top bits are not constant."""
    for k in range(width):
        h = heights[k]
        one = (constant >> k) & 1
        full = (h - 1) // 2 if h > 0 else 0
        half = 1 if h >= 2 and h % 2 == 0 else 0
        carries = full + half
        if one and h % 2 == 1:
            carries += 1  # x + 1: the sum is not-x and the carry is x, both free
        top = k == width - 1
        if top:
            counts[SUM] += full
            counts[HALF_SUM] += half
        elif k < low:
            # the last adder of the column gives its carry only
            if half:
                counts[FULL] += full
                counts[HALF_CARRY] += 1
            elif full:
                counts[FULL] += full - 1
                counts[CARRY] += 1
        else:
            counts[FULL] += full
            counts[HALF] += half
        if not top:
            heights[k + 1] += carries


@numba.njit(cache=True)
def count_hidden(s, k, m, bias, shift, bits, counts):  # type: ignore[no-untyped-def]
    """Counts one hidden neuron; returns its largest output (0: constant 0)."""
    heights = np.zeros(_WIDTH, np.int64)
    low, high, constant = bias, bias, bias
    for j in range(s.shape[0]):
        if s[j] == 0 or m[j] == 0:
            continue
        value = np.int64(m[j]) << k[j]
        if s[j] > 0:
            high += value
        else:
            low -= value
            constant -= value
            counts[NEGATED] += 1
        for b in range(8):
            if (m[j] >> b) & 1:
                heights[b + k[j]] += 1
    limit = (1 << bits) - 1
    out = high >> shift
    if out <= 0:
        counts[:] = 0
        return 0
    if low >> shift >= limit:
        counts[:] = 0
        return limit  # constant: every use is absorbed by a bias
    width = max(_bit_length(high), _bit_length(-low - 1) if low < 0 else 0) + (1 if low < 0 else 0)
    count_adders(heights, constant & ((1 << width) - 1), width, shift, counts)
    sign = 1 if low < 0 else 0
    upper = width - sign - shift - bits
    shown = min(bits, width - sign - shift)
    if upper > 0:
        counts[SATURATE] += upper
        counts[CLAMP] += shown
    if sign:
        counts[CLAMP] += shown
    return min(out, limit)


@numba.njit(cache=True)
def count_output(s, k, m, bias, top_hidden, drop, counts, span):  # type: ignore[no-untyped-def]
    """Counts the sum of one class over hidden values of at most `top_hidden[i]`; writes the range to `span`."""
    heights = np.zeros(_WIDTH, np.int64)
    low, high, constant = np.int64(bias), np.int64(bias), np.int64(bias)
    for i in range(s.shape[0]):
        if s[i] == 0:
            continue
        mask = m[i] & ((1 << _bit_length(top_hidden[i])) - 1)
        if mask == 0:
            continue
        value = np.int64(mask) << k[i]
        if s[i] > 0:
            high += value
        else:
            low -= value
            constant -= value
            counts[NEGATED] += 1
        for b in range(8):
            if (mask >> b) & 1:
                heights[b + k[i]] += 1
    span[0], span[1] = low, high
    width = max(_bit_length(high), _bit_length(-low - 1) if low < 0 else 0) + (1 if low < 0 else 0)
    count_adders(heights, constant & ((1 << width) - 1), width, drop, counts)


@numba.njit(cache=True)
def count_argmax(spans, live, drop, counts):  # type: ignore[no-untyped-def]
    """Counts a tournament over the live classes in order of index."""
    n = 0
    lows = np.zeros(live.shape[0], np.int64)
    highs = np.zeros(live.shape[0], np.int64)
    for c in range(live.shape[0]):
        if live[c]:
            lows[n], highs[n] = spans[c, 0] >> drop, spans[c, 1] >> drop
            n += 1
    level = 0
    while n > 1:
        level += 1
        half = 0
        for p in range(0, n - 1, 2):
            low, high = min(lows[p], lows[p + 1]), max(highs[p], highs[p + 1])
            width = max(_bit_length(high), _bit_length(-low - 1) if low < 0 else 0) + (1 if low < 0 else 0)
            counts[COMPARE] += width
            if n > 2:
                counts[MUX] += width
            counts[INDEX] += level
            lows[half], highs[half] = max(lows[p], lows[p + 1]), high
            half += 1
        if n % 2:
            lows[half], highs[half] = lows[n - 1], highs[n - 1]
            half += 1
        n = half


@numba.njit(cache=True)
def fields(g, hidden, features, classes):  # type: ignore[no-untyped-def]
    """The twelve fields of a genome as views, in the order of `genome.FIELDS`."""
    a, b = hidden * features, classes * hidden
    o = 3 * a + 3 * hidden
    p = o + 3 * b
    return (
        g[0:a].reshape(hidden, features),
        g[a : 2 * a].reshape(hidden, features),
        g[2 * a : 3 * a].reshape(hidden, features),
        g[3 * a : 3 * a + hidden],
        g[3 * a + hidden : 3 * a + 2 * hidden],
        g[3 * a + 2 * hidden : o],
        g[o : o + b].reshape(classes, hidden),
        g[o + b : o + 2 * b].reshape(classes, hidden),
        g[o + 2 * b : p].reshape(classes, hidden),
        g[p : p + classes],
        g[p + classes : p + 2 * classes],
        g[p + 2 * classes :],
    )


@numba.njit(cache=True)
def count_first(g, hidden, features, classes, i, counts):  # type: ignore[no-untyped-def]
    """Counts hidden neuron i of a genome into `counts` (zeroed first); returns its largest output."""
    s1, k1, m1, b1, shift, bits, _, _, _, _, _, _ = fields(g, hidden, features, classes)
    counts[:] = 0
    return count_hidden(s1[i], k1[i], m1[i], np.int64(b1[i]), shift[i], bits[i], counts)


@numba.njit(cache=True)
def count_second(g, hidden, features, classes, top_hidden, counts):  # type: ignore[no-untyped-def]
    """Counts the output sums of the live classes and their arg-max into `counts` (zeroed first)."""
    _, _, _, _, _, _, s2, k2, m2, b2, live, drop = fields(g, hidden, features, classes)
    counts[:] = 0
    spans = np.zeros((classes, 2), np.int64)
    parts = np.zeros((classes, counts.shape[0]), np.int64)
    contends = live.copy()
    floor = np.int64(-(1 << 60))
    for c in range(classes):
        if live[c]:
            count_output(s2[c], k2[c], m2[c], b2[c], top_hidden, drop[0], parts[c], spans[c])
            floor = max(floor, spans[c, 0] >> drop[0])
    for c in range(classes):
        # a class that another one always beats is no logic at all
        if live[c] and spans[c, 1] >> drop[0] < floor:
            contends[c] = 0
        if contends[c]:
            counts += parts[c]
    count_argmax(spans, contends, drop[0], counts)


@numba.njit(cache=True)
def count_all(g, hidden, features, classes):  # type: ignore[no-untyped-def]
    """Everything counted in one genome (COUNTED,); a hidden neuron that no live class reads costs nothing."""
    _, _, _, _, _, _, s2, _, m2, _, live, _ = fields(g, hidden, features, classes)
    counts = np.zeros(COUNTED, np.int64)
    part = np.zeros(COUNTED, np.int64)
    top = np.zeros(hidden, np.int64)
    for i in range(hidden):
        top[i] = count_first(g, hidden, features, classes, i, part)
        used = False
        for c in range(classes):
            if live[c] and s2[c, i] != 0 and m2[c, i] & ((1 << _bit_length(top[i])) - 1):
                used = True
        if used:
            counts += part
    count_second(g, hidden, features, classes, top, part)
    return counts + part
