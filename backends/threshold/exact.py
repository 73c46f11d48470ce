"""Exact schedules of small nodes: CP-SAT over all networks of full and half adders.

Bits of one column are interchangeable, so counts for each cycle and column describe every FA/HA schedule, and an
infeasible horizon proves that no FA/HA network, whatever its shape, is faster.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from typing import Any

import numpy as np

from nc.backends.threshold.node import Node
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import ToolMissing, fail

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Exact:
    """`cells` (n, 6) as of the search, or None; `status`: 'optimal', 'infeasible', 'feasible' or 'unknown'."""

    status: str
    cells: Array | None


def solve(node: Node, shape: PeShape, streamed: bool, horizon: int, seconds: float = 60.0) -> Exact:
    """A schedule of at most `horizon` cycles, or the proof that there is none; `seconds` of solver work."""
    return _apart().submit(_solve, node, shape, streamed, horizon, seconds).result()


@cache
def _apart() -> ProcessPoolExecutor:
    """A process for the solver alone: ortools brings libraries of its own (HiGHS, protobuf, abseil) that cannot share
    a process with the ones of torch, onnx or highspy."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _solve(node: Node, shape: PeShape, streamed: bool, horizon: int, seconds: float) -> Exact:
    try:
        from ortools.sat.python import cp_model
    except ImportError:
        fail("NC500", "exact schedules need ortools", help="pip install ortools", kind=ToolMissing)
    model = cp_model.CpModel()
    bits = node.bits()
    columns = node.columns
    width = shape.neurons
    room = shape.storage

    def count(limit: int, name: str) -> Any:
        return model.new_int_var(0, limit, name)

    grid = [(t, j) for t in range(horizon) for j in range(columns)]
    full = {k: count(width, f"full{k}") for k in grid}
    half = {k: count(width, f"half{k}") for k in grid}
    last3 = {k: model.new_bool_var(f"last3{k}") for k in grid}
    last2 = {k: model.new_bool_var(f"last2{k}") for k in grid}
    fresh = {k: count(shape.fresh, f"fresh{k}") for k in grid}
    const = {k: model.new_bool_var(f"const{k}") for k in grid}
    stored = {k: count(shape.reads, f"stored{k}") for k in grid}
    available = {(t, j): count(room, f"available{t},{j}") for t in range(horizon + 1) for j in range(columns)}

    def carries(t: int, j: int) -> Any:
        return full[t, j] + half[t, j] + last3[t, j] + last2[t, j] if t >= 0 and j >= 0 else 0

    def sums(t: int, j: int) -> Any:
        return full[t, j] + half[t, j] if t >= 0 else 0

    if node.kind != "compare" or not node.addend or len(node.order) > 1:
        fail("NC703", "exact schedules are for compare nodes of one column with an addend")
    for j in range(columns):
        model.add(available[0, j] == (0 if streamed else 1))
        model.add(available[horizon, j] == 0)
        model.add(sum(const[t, j] for t in range(horizon)) == (1 if streamed else 0))
        products = node.products[j] if j < len(node.products) else 0
        model.add(sum(fresh[t, j] for t in range(horizon)) == products)
        model.add(sum(last3[t, j] + last2[t, j] for t in range(horizon)) == 1)
        model.add(sums(horizon - 1, j) == 0)
    model.add(sum(carries(t, columns - 1) for t in range(horizon)) == (bits[-1] // 2))
    for t in range(horizon):
        model.add(sum(carries(t, j) + sums(t - 1, j) for j in range(columns)) <= width)
        model.add(sum(fresh[t, j] + const[t, j] for j in range(columns)) <= shape.fresh)
        model.add(sum(stored[t, j] for j in range(columns)) <= shape.reads)
        held = sum(3 * full[t - 1, j] + 2 * half[t - 1, j] for j in range(columns)) if t else 0
        model.add(sum(available[t, j] for j in range(columns)) + held <= room)
        for j in range(columns):
            taken = 3 * full[t, j] + 2 * half[t, j] + 3 * last3[t, j] + 2 * last2[t, j]
            model.add(taken == stored[t, j] + fresh[t, j] + const[t, j])
            model.add(stored[t, j] <= available[t, j])
            into = carries(t, j - 1) + sums(t - 1, j)
            # what the last cycle's carries add to the column is gone unless it is the result
            model.add(available[t + 1, j] == available[t, j] - stored[t, j] + into)
    solver = cp_model.CpSolver()
    # work instead of wall clock, and one worker: the same verdict on a busy machine
    solver.parameters.max_deterministic_time = seconds
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return Exact("infeasible", None)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Exact("unknown", None)
    return Exact("feasible", _cells(solver, horizon, columns, full, half, last3, last2, fresh, const))


def _cells(
    solver: Any, horizon: int, columns: int, full: Any, half: Any, last3: Any, last2: Any, fresh: Any, const: Any
) -> Array:
    rows = []
    for t in range(horizon):
        for j in range(columns):
            sizes = [(3, 1)] * solver.value(full[t, j]) + [(2, 1)] * solver.value(half[t, j])
            sizes += [(3, 0)] * solver.value(last3[t, j]) + [(2, 0)] * solver.value(last2[t, j])
            products, constants = solver.value(fresh[t, j]), solver.value(const[t, j])
            for size, with_sum in sizes:
                p = min(products, size)
                c = min(constants, size - p)
                products -= p
                constants -= c
                rows.append((t, j, size - p - c, p, c, with_sum))
    return np.array(rows, np.int32)
