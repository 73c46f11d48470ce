"""Numba kernel of the adder-graph optimiser: greedy two-term common sub-expressions with incremental counts.

Terms of a column are signed digits of nodes, kept as two bit masks (positive, negative shifts) a (node, column).
A pattern is (a, b, d, r): a digit of node `a` at some shift s and one of `b >= a` at s + d whose sign differs if
r = 1. Counts of a pattern never rise after its younger node exists, so they are counted once, when that node is
made, against a dense scratch array; only patterns seen twice enter the hash table, and a bucket queue with lazy
updates yields the best one. Work: one table access for each pair of digits that appears or disappears.
"""

# mypy: disable-error-code="untyped-decorator"
# numba ships no types: its decorators hide those of the kernels.
from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

Array = np.ndarray[Any, Any]

SPAN = 64  # shifts differ by less than SPAN / 2
NODE_BITS = 21
MAX_SCORE = 1 << 18
_FIBONACCI = np.uint64(11400714819323198485)


@intrinsic
def _ctz(typing_context: Any, bit: Any) -> Any:
    """Position of the lowest bit set (one machine instruction)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return nb.types.int64(nb.types.int64), codegen


@nb.njit(cache=True, inline="always")
def _slot(key: int, bits: int) -> Any:
    return np.int64((np.uint64(key) * _FIBONACCI) >> np.uint64(64 - bits))


@nb.njit(cache=True)
def _find(keys: Array, bits: int, key: int) -> Any:
    mask = (1 << bits) - 1
    slot = _slot(key, bits)
    while keys[slot] != -1:
        if keys[slot] == key:
            return slot
        slot = (slot + 1) & mask
    return -1 - slot


@nb.njit(cache=True)
def _width(low: int, high: int) -> int:
    m = max(high, -low - 1)
    w = 0
    while m > 0:
        m >>= 1
        w += 1
    return w + (1 if low < 0 else 0)


@nb.njit(cache=True)
def _weight(mode: int, wa: int, wb: int, d: int) -> int:
    """What one use of a pattern saves: 1 (an adder), or about the bits in which its two operands overlap."""
    if mode == 0:
        return 1
    low = max(0, d) if d >= 0 else 0
    base_a = -d if d < 0 else 0
    top = max(wa + base_a, wb + (d if d > 0 else 0))
    start = max(base_a, low)
    return max(1, min(63, top - start))


@nb.njit(cache=True)
def extract(
    n_nodes: int,
    n_cols: int,
    ent_node: Array,
    ent_col: Array,
    ent_pos: Array,
    ent_neg: Array,
    low_in: Array,
    high_in: Array,
    depth_in: Array,
    slack_in: Array,
    mode: int,
    least: int,
    seed: int,
) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array, Array, int]:
    """Returns (ops (k, 4) = a, b, d, r; then the remaining entries node, col, pos, neg; entry count).

    Entries arrive sorted by node, then column. `slack_in` (n_cols,): how much the Kraft sum of term depths may
    still grow in each column. `least`: fewest uses worth an adder. `seed`: 0 for the plain order of ties.
    """
    n_ent = len(ent_node)
    digits = 0
    col_digits = np.zeros(n_cols + 1, np.int64)
    for e in range(n_ent):
        m = ent_pos[e] | ent_neg[e]
        while m:
            m &= m - 1
            digits += 1
            col_digits[ent_col[e] + 1] += 1
    cap_ent = n_ent + digits + 1
    max_nodes = n_nodes + digits + 1
    e_node = np.empty(cap_ent, np.int32)
    e_col = np.empty(cap_ent, np.int32)
    e_pos = np.zeros(cap_ent, np.int64)
    e_neg = np.zeros(cap_ent, np.int64)
    e_slot = np.full(cap_ent, -1, np.int32)
    e_node[:n_ent] = ent_node
    e_col[:n_ent] = ent_col
    e_pos[:n_ent] = ent_pos
    e_neg[:n_ent] = ent_neg
    seg = np.zeros(max_nodes + 1, np.int64)
    for e in range(n_ent):
        seg[ent_node[e] + 1] += 1
    for v in range(n_nodes):
        seg[v + 1] += seg[v]
    col_start = np.cumsum(col_digits)
    col_len = np.zeros(n_cols, np.int64)
    col_ent = np.empty(digits + 1, np.int32)

    low = np.zeros(max_nodes, np.int64)
    high = np.zeros(max_nodes, np.int64)
    width = np.zeros(max_nodes, np.int64)
    depth = np.zeros(max_nodes, np.int64)
    low[:n_nodes] = low_in
    high[:n_nodes] = high_in
    depth[:n_nodes] = depth_in
    for v in range(n_nodes):
        width[v] = _width(low[v], high[v])
    slack = slack_in.copy()

    # Pattern pool, hash table, bucket queue.
    cap = 1 << 14
    pool_key = np.empty(cap, np.int64)
    pool_count = np.empty(cap, np.int32)
    pool_next = np.empty(cap, np.int32)
    pool_n = 0
    bits = 16
    keys = np.full(1 << bits, -1, np.int64)
    vals = np.empty(1 << bits, np.int32)
    head = np.full(MAX_SCORE, -1, np.int32)
    top = 0

    scratch = np.zeros(max_nodes * 0 + (n_nodes + 1024) * SPAN * 2, np.int32)
    touched = np.empty(1 << 16, np.int64)
    ops = np.empty((digits + 1, 4), np.int64)
    n_ops = 0
    node_mask = (1 << NODE_BITS) - 1
    rng = np.uint64(seed) * np.uint64(2654435761) + np.uint64(88172645463325252)

    next_new = 0  # nodes whose patterns are still to be counted: the inputs first
    total = n_nodes
    ent_total = n_ent
    while True:
        # 1. Count the patterns of every node not yet counted.
        while next_new < total:
            w = next_new
            next_new += 1
            if (w + 1) * SPAN * 2 > len(scratch):
                scratch = np.zeros(2 * (w + 1) * SPAN * 2, np.int32)
            n_touched = 0
            for e in range(seg[w], seg[w + 1]):
                j = e_col[e]
                pw, nw = e_pos[e], e_neg[e]
                if (pw | nw) == 0:
                    continue
                # Enter the column, so that later nodes meet this one.
                place = col_start[j] + col_len[j]
                col_ent[place] = e
                e_slot[e] = place
                col_len[j] += 1
                for k in range(col_start[j], col_start[j] + col_len[j]):
                    f = col_ent[k]
                    u = e_node[f]
                    mw = pw | nw
                    while mw:
                        bw = mw & -mw
                        mw ^= bw
                        sw = _ctz(bw)
                        mu = e_pos[f] | e_neg[f]
                        if f == e:
                            mu &= bw - 1  # own digits below: each pair once
                        while mu:
                            bu = mu & -mu
                            mu ^= bu
                            d = sw - _ctz(bu)
                            r = 1 if ((pw & bw) != 0) != ((e_pos[f] & bu) != 0) else 0
                            idx = (u * SPAN + d + SPAN // 2) * 2 + r
                            if scratch[idx] == 0:
                                if n_touched == len(touched):
                                    bigger = np.empty(2 * len(touched), np.int64)
                                    bigger[:n_touched] = touched
                                    touched = bigger
                                touched[n_touched] = idx
                                n_touched += 1
                            scratch[idx] += 1
            for t in range(n_touched):
                idx = touched[t]
                count = scratch[idx]
                scratch[idx] = 0
                if count < least:
                    continue
                if pool_n == cap:
                    # Drop dead patterns; grow if most are alive. Buckets and table are rebuilt.
                    alive = 0
                    for i in range(pool_n):
                        if pool_count[i] >= least:
                            alive += 1
                    if alive * 2 > cap:
                        cap *= 2
                        bits += 1
                        keys = np.empty(1 << bits, np.int64)
                        vals = np.empty(1 << bits, np.int32)
                    new_key = np.empty(cap, np.int64)
                    new_count = np.empty(cap, np.int32)
                    pool_next = np.empty(cap, np.int32)
                    keys[:] = -1
                    head[:] = -1
                    kept = 0
                    top = 0
                    for i in range(pool_n):
                        if pool_count[i] >= least:
                            key = pool_key[i]
                            new_key[kept] = key
                            new_count[kept] = pool_count[i]
                            s = -1 - _find(keys, bits, key)
                            keys[s] = key
                            vals[s] = kept
                            pd = ((key >> 1) & (SPAN - 1)) - SPAN // 2
                            pb = (key >> 7) & node_mask
                            pa = key >> (7 + NODE_BITS)
                            score = min(
                                MAX_SCORE - 1,
                                pool_count[i] * _weight(mode, width[pa], width[pb], pd),
                            )
                            pool_next[kept] = head[score]
                            head[score] = kept
                            top = max(top, score)
                            kept += 1
                    pool_key = new_key
                    pool_count = new_count
                    pool_n = kept
                key = (((idx >> 7) << NODE_BITS) | w) << 7 | (idx & 127)
                s = -1 - _find(keys, bits, key)
                keys[s] = key
                vals[s] = pool_n
                pool_key[pool_n] = key
                pool_count[pool_n] = count
                d = ((idx >> 1) & (SPAN - 1)) - SPAN // 2
                score = min(MAX_SCORE - 1, count * _weight(mode, width[idx >> 7], width[w], d))
                pool_next[pool_n] = head[score]
                head[score] = pool_n
                top = max(top, score)
                pool_n += 1

        # 2. The best pattern whose score is up to date.
        while top > 0 and head[top] == -1:
            top -= 1
        if top <= 0:
            break
        p = head[top]
        if seed:  # ties in random order: take one of the first few of the bucket
            rng ^= rng << np.uint64(13)
            rng ^= rng >> np.uint64(7)
            rng ^= rng << np.uint64(17)
            skip = np.int64(rng % np.uint64(4))
            before = -1
            while skip > 0 and pool_next[p] != -1:
                before = p
                p = pool_next[p]
                skip -= 1
            if before == -1:
                head[top] = pool_next[p]
            else:
                pool_next[before] = pool_next[p]
        else:
            head[top] = pool_next[p]
        key = pool_key[p]
        count = pool_count[p]
        if count < least:
            continue
        r = key & 1
        d = ((key >> 1) & (SPAN - 1)) - SPAN // 2
        b = (key >> 7) & node_mask
        a = key >> (7 + NODE_BITS)
        weight = _weight(mode, width[a], width[b], d)
        score = min(MAX_SCORE - 1, count * weight)
        if score < top:
            pool_next[p] = head[score]
            head[score] = p
            continue

        # 3. Where it may be used: columns with room for the new node's depth.
        w = total
        growth = (1 << max(depth[a], depth[b])) - (1 << min(depth[a], depth[b]))
        uses = 0
        room = ent_total
        i, k = seg[a], seg[b]
        end_a, end_b = seg[a + 1], seg[b + 1]
        while i < end_a and k < end_b:
            if e_col[i] < e_col[k]:
                i += 1
                continue
            if e_col[i] > e_col[k]:
                k += 1
                continue
            j = e_col[i]
            pa, na, pb, nb_ = e_pos[i], e_neg[i], e_pos[k], e_neg[k]
            if r:
                pb, nb_ = nb_, pb
            if d >= 0:
                hit_pos = pa & (pb >> d)
                hit_neg = na & (nb_ >> d)
            else:
                hit_pos = pa & (pb << -d)
                hit_neg = na & (nb_ << -d)
            new_pos = np.int64(0)
            new_neg = np.int64(0)
            left = slack[j]
            used = np.int64(0)
            hits = hit_pos | hit_neg
            while hits and left >= growth:
                bit = hits & -hits
                hits ^= bit
                if a == b:
                    if used & (bit | (bit << d)):
                        continue
                    used |= bit | (bit << d)
                left -= growth
                uses += 1
                at = bit if d >= 0 else bit >> -d
                if hit_pos & bit:
                    new_pos |= at
                else:
                    new_neg |= at
            if new_pos | new_neg:
                e_node[room] = w
                e_col[room] = j
                e_pos[room] = new_pos
                e_neg[room] = new_neg
                room += 1
            i += 1
            k += 1
        if uses < least:
            continue
        score = min(MAX_SCORE - 1, uses * weight)
        if score < top:
            pool_next[p] = head[score]
            head[score] = p
            continue

        # 4. Replace: remove both digits of each use, uncounting the pairs that vanish with them.
        i, k = seg[a], seg[b]
        for e in range(ent_total, room):
            j = e_col[e]
            while e_col[i] != j:
                i += 1
            while e_col[k] != j:
                k += 1
            for sign in range(2):
                m = e_pos[e] if sign == 0 else e_neg[e]
                while m:
                    bit = m & -m
                    m ^= bit
                    bit_a = bit if d >= 0 else bit << -d
                    bit_b = bit_a << d if d >= 0 else bit_a >> -d
                    for which in range(2):
                        x = i if which == 0 else k
                        gone = bit_a if which == 0 else bit_b
                        negative = sign == 1 if which == 0 else (sign == 1) != (r == 1)
                        if negative:
                            e_neg[x] &= ~gone
                        else:
                            e_pos[x] &= ~gone
                        v = e_node[x]
                        sv = _ctz(gone)
                        if (e_pos[x] | e_neg[x]) == 0:
                            last = col_start[j] + col_len[j] - 1
                            moved = col_ent[last]
                            col_ent[e_slot[x]] = moved
                            e_slot[moved] = e_slot[x]
                            col_len[j] -= 1
                        for q in range(col_start[j], col_start[j] + col_len[j]):
                            f = col_ent[q]
                            u = e_node[f]
                            mu = e_pos[f] | e_neg[f]
                            while mu:
                                bu = mu & -mu
                                mu ^= bu
                                su = _ctz(bu)
                                rr = 1 if ((e_neg[f] & bu) != 0) != negative else 0
                                if u < v or (u == v and su < sv):
                                    gone_key = ((u << NODE_BITS) | v) << 7 | ((sv - su + SPAN // 2) << 1) | rr
                                else:
                                    gone_key = ((v << NODE_BITS) | u) << 7 | ((su - sv + SPAN // 2) << 1) | rr
                                s = _find(keys, bits, gone_key)
                                if s >= 0:
                                    pool_count[vals[s]] -= 1
                    slack[j] -= growth
        ops[n_ops, 0] = a
        ops[n_ops, 1] = b
        ops[n_ops, 2] = d
        ops[n_ops, 3] = r
        n_ops += 1
        sa = -d if d < 0 else 0
        sb = d if d > 0 else 0
        if r:
            low[w] = (low[a] << sa) - (high[b] << sb)
            high[w] = (high[a] << sa) - (low[b] << sb)
        else:
            low[w] = (low[a] << sa) + (low[b] << sb)
            high[w] = (high[a] << sa) + (high[b] << sb)
        width[w] = _width(low[w], high[w])
        depth[w] = max(depth[a], depth[b]) + 1
        ent_total = room
        total += 1
        seg[total] = room
    return ops[:n_ops], e_node, e_col, e_pos, e_neg, low[:total], high[:total], depth[:total], slack, ent_total
