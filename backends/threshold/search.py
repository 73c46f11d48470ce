"""Greedy list scheduling of full and half adders onto neurons, on bit counts only: which cells start in which cycle.

A carry takes one neuron; its sum takes one neuron in the cycle after, while the three operands are held. Bits of one
column are interchangeable, so the search tracks only how many each column has: a schedule of 5,000 inputs takes
a millisecond, and policies are tried by the hundred.

Two moods decide which column goes next. *Narrow*: the highest column that has three stored bits, which keeps few bits
alive. *Wide*: the lowest column, which takes products at full rate and builds a backlog. The backlog matters twice: it
leaves no neuron without work, and at the end it fills the cycles in which the last carries ripple through the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from nc.backends.threshold.node import Node
from nc.hdl.threshold.shape import PeShape

Array = np.ndarray[Any, Any]

UNREACHABLE = 1 << 30


@dataclass(frozen=True)
class Policy:
    """`backlog`: wide while fewer bits than this are alive; `drain`: wide once fewer products than this are left;
    `carries`: most cells with a sum started in a cycle; `stored`: stored bits mixed into a cell that takes products;
    `noise`, `seed`: random perturbation of the column order."""

    backlog: int
    drain: int
    carries: int = 2
    stored: int = 0
    noise: float = 0.0
    seed: int = 0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _issue(
    fresh: Array,
    runs: Array,
    bits: Array,
    addend: bool,
    streamed: bool,
    compare: bool,
    neurons: int,
    lanes: int,
    reads: int,
    backlog: int,
    drain: int,
    carries: int,
    mix: int,
    noise: float,
    seed: int,
    limit: int,
    room: int,
    cells: Array,
) -> tuple[int, int, int]:
    """One greedy schedule. Fills cells (n, 6): cycle, column, stored, products, addend bits, needs sum.

    Returns cycles, peak of live bits, number of cells; cycles is UNREACHABLE past `limit` or over `room` live bits.
    """
    state = np.uint64(2 * seed + 1)  # a linear congruential generator: the same schedule on every platform
    columns = bits.size
    left = bits.copy()
    supply = np.zeros(columns, np.int64)
    supply[: min(columns, fresh.size)] = fresh[: min(columns, fresh.size)]
    available = np.zeros(columns, np.int64)
    constant = np.zeros(columns, np.int64)
    if addend:
        if streamed:
            constant[:] = 1
        else:
            available[:] = 1
    to_come = supply.sum()
    total = 0
    for j in range(columns):
        total += bits[j] // 2 if compare else max(bits[j] // 2, min(bits[j], 1))
    pending = np.zeros(columns, np.int64)
    following = np.zeros(columns, np.int64)
    arriving = np.zeros(columns + 1, np.int64)
    run = 0
    run_left = runs[0, 1]
    done = 0
    t = 0
    peak = 0
    while True:
        in_flight = pending.sum()
        live = available.sum() + 3 * in_flight
        peak = max(peak, live)
        if done == total and in_flight == 0:
            return t, peak, done
        if t >= limit or live > room:
            return UNREACHABLE, peak, done
        slots = neurons - in_flight
        arriving[:] = 0
        following[:] = 0
        lane_room = lanes
        read_room = reads
        started = 0
        while run < runs.shape[0] - 1 and run_left == 0:
            run += 1
            run_left = runs[run, 1]
        front = runs[run, 0]  # the column whose products arrive in this cycle
        for j in range(columns):
            arriving[j] += pending[j]
        wide = to_come <= drain or live < backlog
        while slots > 0:
            best = -1
            best_score = -1e18
            for j in range(columns):
                if left[j] < 1 or (compare and left[j] < 2):
                    continue
                s = available[j]
                f = min(run_left, lane_room) if j == front else 0
                final = left[j] <= 3
                if final:
                    need = left[j] - s
                    if compare and streamed and addend and j == columns - 1:
                        need += 1  # addend bit K takes a lane too, into the weight-2 operand of the last cell
                        f = min(f, lane_room - 1) if lane_room else 0
                    if supply[j] > f or f + constant[j] < left[j] - s or need > lane_room or s > read_room:
                        continue
                else:
                    if s + min(f + constant[j], lane_room) < 3 or min(s, 3) + read_room < 3:
                        continue
                    if f == 0 and min(3, s) > read_room:
                        continue
                if started >= carries and not (final and compare):
                    continue
                score = -float(j) if wide else float(j)
                if noise > 0.0:
                    state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    score += noise * (np.float64(state >> np.uint64(40)) / 16777216.0)
                if score > best_score:
                    best_score = score
                    best = j
            if best < 0:
                break
            j = best
            s = available[j]
            f = min(run_left, lane_room) if j == front else 0
            final = left[j] <= 3
            if final:
                n_fresh = f
                n_stored = s
                n_constant = left[j] - s - f
            else:
                n_stored = min(s, mix)
                n_fresh = min(f, 3 - n_stored)
                n_stored = min(s, 3 - n_fresh)
                n_constant = 3 - n_fresh - n_stored
            if n_stored > read_room:
                break
            available[j] -= n_stored
            supply[j] -= n_fresh
            run_left -= n_fresh
            constant[j] -= n_constant
            to_come -= n_fresh
            lane_room -= n_fresh + n_constant
            read_room -= n_stored
            slots -= 1
            with_sum = not (final and compare)
            cells[done, 0] = t
            cells[done, 1] = j
            cells[done, 2] = n_stored
            cells[done, 3] = n_fresh
            cells[done, 4] = n_constant
            cells[done, 5] = with_sum
            done += 1
            if j + 1 < columns:
                arriving[j + 1] += 1
            if with_sum:
                following[j] += 1
                started += 1
            if final:
                left[j] = 0
            else:
                left[j] -= 2
        for j in range(columns):
            available[j] += arriving[j]
            if left[j] == 0:
                available[j] = 0  # a result bit is emitted from the flip-flop, not stored
            pending[j] = following[j]
        t += 1


def issue(node: Node, shape: PeShape, streamed: bool, policy: Policy, room: int) -> tuple[int, int, Array]:
    """Cycles, peak live bits and cells (n, 6) of one greedy schedule; cycles is UNREACHABLE over `room` live bits."""
    bits = np.array(node.bits(), np.int64)
    cells = np.zeros((sum(node.cells()), 6), np.int32)
    limit = 4 * len(cells) + 4 * node.columns + 16
    cycles, live, done = _issue(
        np.array(node.products, np.int64),
        np.array(node.order, np.int64),
        bits,
        node.addend,
        streamed,
        node.kind == "compare",
        shape.neurons,
        shape.fresh,
        shape.reads,
        policy.backlog,
        policy.drain,
        policy.carries,
        policy.stored,
        policy.noise,
        policy.seed,
        limit,
        room,
        cells,
    )
    return cycles, live, cells[:done]


def policies(node: Node, shape: PeShape, effort: int) -> list[Policy]:
    """The policies tried: a fixed grid for effort 0, finer and with random perturbations above it."""
    carries = (max(1, shape.neurons // 2), max(1, shape.neurons // 2) + 1)
    backlogs = range(8, 40, 4 if effort == 0 else 2)
    drains = (0, 6, 12, 24, 48) if effort == 0 else range(0, 97, 3)
    stored = (0, 1) if effort == 0 else (0, 1, 2)
    shaken = [(0.0, 0)] + [(noise, seed) for noise in (1.5, 3.0) for seed in range(4 * effort)]
    return [
        Policy(b, d, c, s, noise, seed)
        for noise, seed in shaken
        for c in (carries if effort else carries[:1])
        for s in stored
        for d in drains
        for b in backlogs
    ]


def best_issue(node: Node, shape: PeShape, streamed: bool, effort: int) -> tuple[int, int, Array] | None:
    """The shortest schedule found (then the one with fewest live bits), or None when none fits the registers."""
    best: tuple[int, int, Array] | None = None
    for policy in policies(node, shape, effort):
        cycles, live, cells = issue(node, shape, streamed, policy, shape.storage)
        if cycles < UNREACHABLE and (best is None or (cycles, live) < best[:2]):
            best = (cycles, live, cells)
    return best
