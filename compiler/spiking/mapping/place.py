"""Cores onto a 2-D mesh: along a Hilbert curve in an order that keeps talkers close, then improved by annealing."""

from __future__ import annotations

from math import ceil, exp, sqrt

import numpy as np

from nc.ir.diagnostics import ToolMissing, fail
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.network import FloatArray


def mesh_size(cores: int) -> tuple[int, int]:
    """The smallest near-square mesh (width, height)."""
    width = ceil(sqrt(cores))
    return width, ceil(cores / width)


def hilbert(width: int, height: int) -> IntArray:
    """The cells (x, y) of a mesh in the order of a Hilbert curve over the enclosing square: (width · height, 2)."""
    side = 1
    while side < max(width, height):
        side *= 2
    cells = []
    for index in range(side * side):
        x = y = 0
        t, step = index, 1
        while step < side:
            turn_x, turn_y = t // 2 & 1, (t ^ t // 2) & 1
            if turn_y == 0:
                if turn_x:
                    x, y = step - 1 - x, step - 1 - y
                x, y = y, x
            x, y = x + step * turn_x, y + step * turn_y
            t //= 4
            step *= 2
        if x < width and y < height:
            cells.append((x, y))
    return np.array(cells, np.int64)


def place(
    cores: int, source: IntArray, target: IntArray, spikes: FloatArray, mesh: tuple[int, int], *, moves: int = 20_000,
    seed: int = 1,
) -> IntArray:  # fmt: skip
    """Cells (cores, 2) of a mesh (width, height) for traffic (from, to, spikes). Raises NC932 when it is too small."""
    if cores > mesh[0] * mesh[1]:
        fail("NC932", f"mesh must have at least {cores} cores, not {mesh[0]}×{mesh[1]} = {mesh[0] * mesh[1]}")
    curve = hilbert(*mesh)
    at = np.empty((cores, 2), np.int64)
    at[_linear_order(cores, source, target, spikes)] = curve[:cores]
    return _anneal(at, curve, source, target, spikes, moves, seed)


def hops(at: IntArray, source: IntArray, target: IntArray, spikes: FloatArray) -> float:
    """Spikes times Manhattan distance."""
    return float((np.abs(at[source] - at[target]).sum(axis=1) * spikes).sum())


def _linear_order(cores: int, source: IntArray, target: IntArray, spikes: FloatArray) -> IntArray:
    try:
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import reverse_cuthill_mckee
    except ImportError:
        fail("NC990", "scipy must be installed to place cores", help="pip install scipy", kind=ToolMissing)
    graph = csr_matrix((spikes, (source, target)), shape=(cores, cores))
    return np.asarray(reverse_cuthill_mckee(csr_matrix(graph + graph.T), symmetric_mode=True), np.int64)


def _anneal(
    at: IntArray, cells: IntArray, source: IntArray, target: IntArray, spikes: FloatArray, moves: int, seed: int
) -> IntArray:
    """Swap cells (free ones too), downhill always, uphill with a probability that falls to nothing."""
    rng = np.random.default_rng(seed)
    cores = len(at)
    both = np.concatenate([source, target]), np.concatenate([target, source]), np.concatenate([spikes, spikes])
    order = np.argsort(both[0], kind="stable")
    ends = np.searchsorted(both[0][order], np.arange(cores + 1))
    peer, weight = both[1][order], both[2][order]
    slot_of = {tuple(c): k for k, c in enumerate(cells.tolist())}
    owner = np.full(len(cells), -1)
    spot = np.array([slot_of[tuple(c)] for c in at.tolist()], np.int64)
    owner[spot] = np.arange(cores)

    def cost(core: int) -> float:
        row = slice(ends[core], ends[core + 1])
        return float((np.abs(cells[spot[peer[row]]] - cells[spot[core]]).sum(axis=1) * weight[row]).sum())

    heat = hops(at, source, target, spikes) / max(cores, 1) * 0.2
    picks = rng.integers(0, cores, moves), rng.integers(0, len(cells), moves), rng.random(moves)
    best, best_cost = spot.copy(), hops(cells[spot], source, target, spikes)
    now = best_cost
    for k, (a, cell, luck) in enumerate(zip(*(p.tolist() for p in picks))):
        b, home = int(owner[cell]), int(spot[a])
        if b == a:
            continue
        before = cost(a) + (cost(b) if b >= 0 else 0.0)
        spot[a] = cell
        if b >= 0:
            spot[b] = home
        change = cost(a) + (cost(b) if b >= 0 else 0.0) - before
        limit = heat * (1 - k / moves) ** 3
        if change <= 0 or (limit > 0 and luck < exp(-change / limit)):
            owner[cell], owner[home] = a, b
            now += change
            if now < best_cost - 1e-9:
                best, best_cost = spot.copy(), now
            continue
        spot[a] = home
        if b >= 0:
            spot[b] = cell
    return cells[best]
