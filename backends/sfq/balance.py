"""Path balancing as a linear program: at which stage each gate is clocked, so that the fewest DFFs are needed.

Every gate is clocked, so pulses that meet at a gate must have left their sources within one clock period before it.
With k clock phases a period has k stages, and a net from stage s to a farthest sink at stage t needs a shared chain
of ceil((t - s) / k) - 1 DFFs. For k = 1 that is t - s - 1, the cost of all nets is linear in the stages, all
constraints are differences of two variables (a network matrix), and the LP's optimum is integral and exact:
C. Leiserson, J. Saxe, "Retiming Synchronous Circuitry", 1991. For k > 1 the LP minimises max(0, t - s - k), its
convex hull in whole stages; single gates are then moved while the exact count goes down.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import InternalError, ToolMissing, fail
from nc.ir.netlist import Ints, Longs, Netlist

Reals = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Schedule:
    """`stage[c]` of each gate, 1 for those that may read inputs (stage 0); outputs are read at stage `depth` + 1.

    `dff`: DFFs that this schedule needs. `gap`: primal minus dual objective of the LP, 0 when proved optimal;
    `optimal` is claimed for one phase only.
    """

    stage: Ints
    depth: int
    phases: int
    dff: int
    gap: float
    optimal: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Nets:
    """The nets to balance: `source` gate (-1 an input port) of each, and reading edges (net index, sink gate)."""

    nets: Ints
    source: Ints
    edge_net: Ints
    edge_sink: Ints
    reaches_output: np.ndarray[Any, np.dtype[np.bool_]]


def nets_of(netlist: Netlist) -> Nets:
    """Read nets that are no constants, with their drivers and readers."""
    used = (netlist.fanout > 0) & (np.arange(netlist.n_nets) > 1)
    nets = np.flatnonzero(used).astype(np.int32)
    index = np.full(netlist.n_nets, -1, np.int32)
    index[nets] = np.arange(len(nets))
    mask = netlist.input_pin & (netlist.pins > 1)
    reaches = np.zeros(len(nets), bool)
    for port in netlist.outputs:
        reaches[index[port.nets[port.nets > 1]]] = True
    source = np.maximum(netlist.driver[nets], -1).astype(np.int32)
    return Nets(nets, source, index[netlist.pins[mask]], netlist.pin_cell[mask].astype(np.int32), reaches)


def count_dffs(nets: Nets, stage: Ints, depth: int, phases: int) -> int:
    """DFFs of all nets' shared chains, straight from the definition."""
    return int(_chain_lengths(nets, stage, depth, phases).sum())


def _chain_lengths(nets: Nets, stage: Ints, depth: int, phases: int) -> Ints:
    start = np.where(nets.source >= 0, stage[np.maximum(nets.source, 0)] if len(stage) else 0, 0)
    last = np.where(nets.reaches_output, depth + 1, 0)
    np.maximum.at(last, nets.edge_net, stage[nets.edge_sink])
    return np.asarray(-(-(last - start) // phases) - 1, np.int32)


def schedule(netlist: Netlist, phases: int = 1) -> Schedule:
    """The schedule with the fewest DFFs at the least depth. Errors: NC802 for bad phases."""
    if phases not in (1, 2, 3, 4):
        fail("NC802", f"clock phases must be 1 to 4, not {phases}")
    started = time.perf_counter()
    nets, depth = nets_of(netlist), netlist.depth
    if netlist.n_cells == 0:
        dff = count_dffs(nets, np.zeros(0, np.int32), 0, phases)
        return Schedule(np.zeros(0, np.int32), 0, phases, dff, 0.0, True, 0.0)
    stage, primal, dual = _solve(netlist, nets, depth, phases)
    if phases > 1:
        stage = _improve(netlist, nets, stage, depth, phases)
    dff = count_dffs(nets, stage, depth, phases)
    if phases == 1 and dff != round(primal):
        raise InternalError(f"balancing counts {dff} DFFs, its LP {primal}")
    gap = primal - dual
    seconds = time.perf_counter() - started
    return Schedule(stage, depth, phases, dff, gap, phases == 1 and abs(gap) < 1e-6, seconds)


def _solve(netlist: Netlist, nets: Nets, depth: int, phases: int) -> tuple[Ints, float, float]:
    """The LP: stages, primal and dual objective (the dual from HiGHS' multipliers, summed here)."""
    try:
        from scipy.optimize import linprog
        from scipy.sparse import csc_matrix
    except ImportError:
        help = "pip install 'neural-compile[solve]'"
        fail("NC802", "HiGHS must be installed to balance paths", help=help, kind=ToolMissing)
    # Variables: the stage of each gate, then a reach M for each net that needs one: M >= every sink's stage.
    # Cost: sum over nets of M - source - phases. A net with one sink (and one phase) has that sink's stage as M.
    cells, driven = netlist.n_cells, nets.source >= 0
    sinks = np.bincount(nets.edge_net, minlength=len(nets.nets))
    alone = (sinks == 1) & ~nets.reaches_output if phases == 1 else np.zeros(len(nets.nets), bool)
    shared = np.flatnonzero(~alone)
    column = np.full(len(nets.nets), -1, np.int64)
    column[shared] = cells + np.arange(len(shared))
    cost = np.concatenate([np.zeros(cells), np.ones(len(shared))])
    np.add.at(cost, nets.source[driven], -1.0)
    on_alone = alone[nets.edge_net]
    np.add.at(cost, nets.edge_sink[on_alone], 1.0)
    least = np.maximum(np.where(nets.reaches_output, depth + 1.0, 1.0), np.where(driven, 0, phases))
    lower = np.concatenate([netlist.levels + 1.0, least[shared]])
    upper = np.concatenate([np.full(cells, float(depth)), np.full(len(shared), depth + phases + 1.0)])
    reach = _difference(column[nets.edge_net[~on_alone]], nets.edge_sink[~on_alone])
    source = nets.source[nets.edge_net]
    after = _difference(nets.edge_sink[source >= 0], source[source >= 0])
    late = np.flatnonzero(driven) if phases > 1 else np.zeros(0, np.int64)
    span = _difference(column[late], nets.source[late])
    bound = np.concatenate([np.zeros(len(reach)), np.ones(len(after)), np.full(len(span), float(phases))])
    pairs = np.concatenate([reach, after, span])
    rows, columns = len(pairs), len(cost)
    at = np.repeat(np.arange(rows), 2)
    matrix = csc_matrix((np.tile([1.0, -1.0], rows), (at, pairs.ravel())), shape=(rows, columns))
    # scipy's HiGHS, not highspy: that one and ortools, which brings a HiGHS of its own, cannot share a process.
    bounds = np.stack([lower, upper], axis=1)
    found = linprog(cost, A_ub=-matrix, b_ub=-bound, bounds=bounds, method="highs") if rows else None
    if found is not None and found.status != 0:
        raise InternalError(f"path balancing LP ended as {found.message}")
    offset = -float(phases * len(nets.nets))
    if found is None:  # nothing binds but the bounds
        values = np.where(cost >= 0, lower, upper)
        dual = float(cost @ values) + offset
    else:
        values = found.x
        prices = found.lower.marginals @ lower + found.upper.marginals @ upper
        dual = float(prices - bound @ found.ineqlin.marginals) + offset
    stage = np.rint(values[:cells])
    if np.abs(values[:cells] - stage).max() > 1e-6:
        raise InternalError("path balancing LP gave a fractional stage")
    return stage.astype(np.int32), float(cost @ values) + offset, dual


def _difference(plus: Longs | Ints, minus: Longs | Ints) -> Ints:
    """Rows x[plus] - x[minus] as pairs of columns."""
    return np.stack([plus, minus], axis=1).astype(np.int32) if len(plus) else np.zeros((0, 2), np.int32)


def _improve(netlist: Netlist, nets: Nets, stage: Ints, depth: int, phases: int) -> Ints:
    """Gates moved one by one to their best stage while the exact count goes down (k > 1: ceil is not convex)."""
    fan_in: list[list[int]] = [[] for _ in range(netlist.n_cells)]
    fan_out: list[int] = [-1] * netlist.n_cells
    readers: list[list[int]] = [[] for _ in range(len(nets.nets))]
    for net, sink in zip(nets.edge_net.tolist(), nets.edge_sink.tolist()):
        readers[net].append(sink)
        fan_in[sink].append(net)
    for net, source in enumerate(nets.source.tolist()):
        if source >= 0:
            fan_out[source] = net
    at, source_of, at_end = stage.tolist(), nets.source.tolist(), nets.reaches_output.tolist()

    def chain(net: int) -> int:
        start = at[source_of[net]] if source_of[net] >= 0 else 0
        last = max((at[s] for s in readers[net]), default=0)
        last = depth + 1 if at_end[net] else last
        return -(-(last - start) // phases) - 1

    for _ in range(20):
        moved = False
        for cell in range(netlist.n_cells):
            earliest = 1 + max((at[source_of[n]] if source_of[n] >= 0 else 0 for n in fan_in[cell]), default=0)
            net = fan_out[cell]
            latest = min((at[s] for s in readers[net]), default=depth + 1) - 1 if net >= 0 else depth
            latest = min(latest, depth)
            if earliest == latest:
                continue
            touched = [*set(fan_in[cell]), *([net] if net >= 0 else [])]
            now, best, best_cost = at[cell], at[cell], sum(map(chain, touched))
            for trial in range(earliest, latest + 1):
                at[cell] = trial
                cost = sum(map(chain, touched))
                if cost < best_cost:
                    best, best_cost = trial, cost
            at[cell] = best
            moved |= best != now
        if not moved:
            break
    return np.array(at, np.int32)
