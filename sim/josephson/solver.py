"""Time-domain solution of Josephson circuits: nodal phases, trapezoidal rule, one sparse LU, fixed-point iteration.

Kirchhoff's law at every node, with phases phi as unknowns and k = Phi0 / 2 pi:

    sum over branches  k C phi'' + k G phi' + k phi / L + Ic sin(phi)  =  sources

The linear part never changes, so it is factored once; Ic sin(phi) (and the quasiparticle current above the gap) is
moved to the right and iterated, which contracts because a step's capacitive admittance 4 k C / h^2 is much larger than
Ic. (D. Delport et al., "JoSIM", IEEE TAS 29, 2019, solves the same equations by Newton's method.) The time loop with
its triangular solves is compiled by numba.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nc.ir.diagnostics import ToolMissing, fail
from nc.sim.josephson.circuit import BOLTZMANN, K_PHI, Branch, Circuit, Reals

MAX_ITERATIONS = 60
TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Transient:
    """`times` (T,) ps; `phase` (junctions, T) rad over each junction; `node_phase` (nodes, T), ground 0.

    `iterations`: mean fixed-point iterations a step.
    """

    circuit: Circuit
    times: Reals
    phase: Reals
    node_phase: Reals
    iterations: float

    def junction(self, name: str) -> Reals:
        found: Reals = self.phase[self.circuit.named(self.circuit.junctions, name)]
        return found

    def pulses(self, name: str) -> Reals:
        """Times (ps) at which a junction passes fluxons: upward crossings of its phase through pi + 2 pi n."""
        phase = self.junction(name) / (2 * np.pi) - 0.5
        turns = np.floor(phase)
        peak = np.maximum.accumulate(turns)
        at = np.flatnonzero((turns[1:] > peak[:-1]) & (turns[1:] >= 0))
        fraction = (turns[at + 1] - phase[at]) / (phase[at + 1] - phase[at])
        found: Reals = self.times[at] + fraction * (self.times[at + 1] - self.times[at])
        return found

    def voltage(self, node: str) -> Reals:
        """mV at a node."""
        phase = self.node_phase[self.circuit.node(node)]
        return np.asarray(K_PHI * np.gradient(phase, self.times), np.float64)


def _stamp(rows: list[tuple[int, int, float]], a: int, b: int, value: float) -> None:
    """An admittance between nodes a and b (ground is -1)."""
    for i, j, sign in ((a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)):
        if i >= 0 and j >= 0:
            rows.append((i, j, sign * value))


def _inverse_inductances(circuit: Circuit) -> list[tuple[Branch, Branch, float]]:
    """(branch, branch, 1/pH): the inverse inductance matrix; coupled inductors make full blocks."""
    index = {each.name: i for i, each in enumerate(circuit.inductors)}
    group = list(range(len(index)))

    def root(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    mutual: dict[tuple[int, int], float] = {}
    for first, second, factor in circuit.couplings:
        a, b = index[first], index[second]
        group[root(a)] = root(b)
        value = factor * math.sqrt(circuit.inductors[a].value * circuit.inductors[b].value)
        mutual[a, b] = mutual[b, a] = value
    blocks: dict[int, list[int]] = {}
    for i in range(len(index)):
        blocks.setdefault(root(i), []).append(i)
    found = []
    for members in blocks.values():
        matrix = np.array(
            [[circuit.inductors[i].value if i == j else mutual.get((i, j), 0.0) for j in members] for i in members]
        )
        inverse = np.linalg.inv(matrix)
        for i, a in enumerate(members):
            for j, b in enumerate(members):
                if inverse[i, j]:
                    found.append((circuit.inductors[a], circuit.inductors[b], float(inverse[i, j])))
    return found


def simulate(circuit: Circuit, *, record_every: int = 1, seed: int = 0, noise: bool | None = None) -> Transient:
    """Run from rest for `circuit.stop` ps in steps of `circuit.step`.

    `record_every`: steps a stored point. `noise`: default is whether the circuit has a temperature. Errors: NC822.
    """
    try:
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu
    except ImportError:
        help = "pip install 'neural-compile[solve]'"
        fail("NC822", "scipy must be installed to simulate Josephson circuits", help=help, kind=ToolMissing)
    h, k = circuit.step, K_PHI
    n = len(circuit.nodes) - 1
    sources = (*circuit.phases, *circuit.voltages)
    size = n + len(sources)
    cap: list[tuple[int, int, float]] = []
    res: list[tuple[int, int, float]] = []
    ind: list[tuple[int, int, float]] = []
    extra: list[tuple[int, int, float]] = []
    for jj in circuit.junctions:
        _stamp(cap, jj.plus - 1, jj.minus - 1, k * jj.model.cap * jj.area)
        _stamp(res, jj.plus - 1, jj.minus - 1, k * jj.area / jj.model.r0)
    for each in circuit.capacitors:
        _stamp(cap, each.plus - 1, each.minus - 1, k * each.value)
    for each in circuit.resistors:
        _stamp(res, each.plus - 1, each.minus - 1, k / each.value)
    for line in circuit.lines:
        for a, b in (line.nodes[:2], line.nodes[2:]):
            _stamp(res, a - 1, b - 1, k / line.impedance)
    for one, two, gamma in _inverse_inductances(circuit):
        for i, s in ((one.plus - 1, 1.0), (one.minus - 1, -1.0)):
            for j, t in ((two.plus - 1, 1.0), (two.minus - 1, -1.0)):
                if i >= 0 and j >= 0:
                    ind.append((i, j, s * t * k * gamma))
    for number, source in enumerate(sources):
        for node, sign in ((source.plus - 1, 1.0), (source.minus - 1, -1.0)):
            if node >= 0:
                extra += [(node, n + number, sign), (n + number, node, sign)]

    def matrix(rows: list[tuple[int, int, float]]) -> Any:
        i, j, v = (np.array(c) for c in zip(*rows)) if rows else (np.zeros(0, int),) * 2 + (np.zeros(0),)
        return coo_matrix((v, (i, j)), shape=(size, size)).tocsc()

    c, g, l_, x = matrix(cap), matrix(res), matrix(ind), matrix(extra)
    try:
        factor = splu((c * (4 / h**2) + g * (2 / h) + l_ + x).tocsc(), permc_spec="MMD_AT_PLUS_A")
    except RuntimeError:
        alone = [circuit.nodes[i + 1] for i in range(n) if not (c + g + l_ + x)[i].nnz]
        fail(
            "NC822",
            f"every node must have a path to ground; without one: {', '.join(alone) or 'a part of the circuit'}",
        )
    steps = round(circuit.stop / h)
    times = np.asarray(np.arange(steps + 1) * h, np.float64)
    drive_rows, drive = _drives(circuit, sources, n, times)
    noise = circuit.temperature > 0 if noise is None else noise
    resistive = [(r.plus, r.minus, r.value) for r in circuit.resistors]
    resistive += [(j.plus, j.minus, j.model.r0 / j.area) for j in circuit.junctions]
    temperature = circuit.temperature if noise else 0.0
    # White noise of a resistor over the band 1 / 2h: sigma = sqrt(2 kT / (R h)); SI inside, mA out.
    sigma = np.array([1e3 * math.sqrt(2 * BOLTZMANN * temperature / (r * h * 1e-12)) for _, _, r in resistive])
    ends = np.array([(a - 1, b - 1) for a, b, _ in resistive], np.int64).reshape(-1, 2)
    lower, upper = factor.L.tocsc(), factor.U.tocsc()
    lower.sort_indices()
    upper.sort_indices()
    jj_ends = np.array([(j.plus - 1, j.minus - 1) for j in circuit.junctions], np.int64).reshape(-1, 2)
    ic = np.array([j.model.icrit * j.area for j in circuit.junctions])
    beyond = [(1 / j.model.rn - 1 / j.model.r0) * j.area * j.model.nonlinear for j in circuit.junctions]
    gap = np.array([j.model.vg for j in circuit.junctions])
    line_nodes = np.array([[v - 1 for v in line.nodes] for line in circuit.lines], np.int64).reshape(-1, 4)
    line_z = np.array([line.impedance for line in circuit.lines])
    line_d = np.array([max(1, round(line.delay / h)) for line in circuit.lines], np.int64)
    cr, gr = c.tocsr(), g.tocsr()
    phase, taken, status = _kernel()(
        size, n, h, k, steps, record_every, cr.indptr, cr.indices, cr.data, gr.indptr, gr.indices, gr.data,
        lower.indptr, lower.indices, lower.data, upper.indptr, upper.indices, upper.data, factor.perm_r, factor.perm_c,
        jj_ends, ic, np.array(beyond), gap, drive_rows, drive, ends, sigma, temperature > 0, seed, line_nodes, line_z,
        line_d, MAX_ITERATIONS, TOLERANCE,
    )  # fmt: skip
    if status >= 0:
        at = status * h
        help = "halve the step (.tran), or give the node a capacitance"
        fail("NC822", f"fixed-point iteration must settle in {MAX_ITERATIONS} rounds, not at {at:.2f} ps", help=help)
    node_phase = np.vstack([np.zeros(phase.shape[1]), phase])
    across = np.array([(j.plus, j.minus) for j in circuit.junctions], np.int64).reshape(-1, 2)
    over = node_phase[across[:, 0]] - node_phase[across[:, 1]]
    return Transient(circuit, times[::record_every], over, node_phase, taken / max(steps, 1))


def _drives(circuit: Circuit, sources: Sequence[Any], n: int, times: Reals) -> tuple[Any, Reals]:
    """Rows of the right-hand side that sources drive, and their values (rows, T)."""
    rows: list[int] = []
    values: list[Reals] = []
    for source in circuit.currents:
        wave = source.wave.at(times)
        for node, sign in ((source.plus - 1, -1.0), (source.minus - 1, 1.0)):
            if node >= 0:
                rows.append(node)
                values.append(sign * wave)
    for number, source in enumerate(sources):
        phase = number < len(circuit.phases)
        rows.append(n + number)
        values.append(source.wave.at(times) if phase else source.wave.integral(times) / K_PHI)
    made = np.array(values) if values else np.zeros((0, len(times)))
    return np.array(rows, np.int64), made


@lru_cache(maxsize=1)
def _kernel() -> Callable[..., tuple[Reals, int, int]]:
    try:
        import numba
    except ImportError:
        fail("NC822", "numba must be installed to simulate circuits", help="pip install numba", kind=ToolMissing)
    compiled: Callable[..., tuple[Reals, int, int]] = numba.njit(cache=True, fastmath=True)(_loop)
    return compiled


def _loop(  # type: ignore[no-untyped-def]  # compiled by numba, which infers the types
    size, n, h, k, steps, every, c_ptr, c_idx, c_val, g_ptr, g_idx, g_val, l_ptr, l_idx, l_val, u_ptr, u_idx, u_val,
    perm_r, perm_c, jj, ic, beyond, gap, drive_rows, drive, noise_ends, sigma, noisy, seed, line_nodes, line_z, line_d,
    max_iterations, tolerance,
):  # fmt: skip
    """All steps. u: phases and source currents; v, a: their first and second derivatives (of phases)."""
    np.random.seed(seed)  # noqa: NPY002  (numba's own generator)
    u = np.zeros(size)
    v = np.zeros(size)
    a = np.zeros(size)
    new = np.zeros(size)
    base = np.zeros(size)
    rhs = np.zeros(size)
    work = np.zeros(size)
    predicted = np.zeros(size)
    vv = np.zeros(size)
    aa = np.zeros(size)
    points = steps // every + 1
    out = np.zeros((n, points))
    n_line = len(line_z)
    longest = 1
    for i in range(n_line):
        longest = max(longest, line_d[i])
    history = np.zeros((n_line, 2, longest))  # V + Z I of each port, of past steps
    wave = np.zeros((n_line, 2))
    taken = 0
    for step in range(1, steps + 1):
        for i in range(n):
            # A v' of the trapezoidal rule: phi' = 2/h (phi - old) - v, phi'' = 4/h^2 (phi - old) - 4/h v - a
            vv[i] = 2.0 / h * u[i] + v[i]
            aa[i] = 4.0 / (h * h) * u[i] + 4.0 / h * v[i] + a[i]
        for i in range(size):
            total = 0.0
            if i < n:
                for p in range(c_ptr[i], c_ptr[i + 1]):
                    total += c_val[p] * aa[c_idx[p]]
                for p in range(g_ptr[i], g_ptr[i + 1]):
                    total += g_val[p] * vv[g_idx[p]]
            base[i] = total
        for i in range(len(drive_rows)):
            if drive_rows[i] < n:
                base[drive_rows[i]] += drive[i, step]
            else:
                base[drive_rows[i]] = drive[i, step]
        if noisy:
            for i in range(len(sigma)):
                current = sigma[i] * np.random.standard_normal()  # noqa: NPY002
                if noise_ends[i, 0] >= 0:
                    base[noise_ends[i, 0]] -= current
                if noise_ends[i, 1] >= 0:
                    base[noise_ends[i, 1]] += current
        for i in range(n_line):
            slot = (step - line_d[i]) % longest
            for port in range(2):
                wave[i, port] = history[i, 1 - port, slot] if step >= line_d[i] else 0.0
                for end in range(2):
                    node = line_nodes[i, 2 * port + end]
                    if node >= 0:
                        sign = 1.0 if end == 0 else -1.0
                        base[node] += sign * wave[i, port] / line_z[i]
        for i in range(n):
            predicted[i] = u[i] + h * v[i] + 0.5 * h * h * a[i]
        settled = False
        for _ in range(max_iterations):
            taken += 1
            for i in range(size):
                rhs[i] = base[i]
            for j in range(len(ic)):
                p, m = jj[j, 0], jj[j, 1]
                phi = (predicted[p] if p >= 0 else 0.0) - (predicted[m] if m >= 0 else 0.0)
                current = ic[j] * np.sin(phi)
                if beyond[j] != 0.0:
                    old = (vv[p] if p >= 0 else 0.0) - (vv[m] if m >= 0 else 0.0)
                    volt = k * (2.0 / h * phi - old)
                    if volt > gap[j] or volt < -gap[j]:
                        current += beyond[j] * volt
                if p >= 0:
                    rhs[p] -= current
                if m >= 0:
                    rhs[m] += current
            for i in range(size):
                work[perm_r[i]] = rhs[i]
            for col in range(size):
                x = work[col]
                for p in range(l_ptr[col] + 1, l_ptr[col + 1]):
                    work[l_idx[p]] -= l_val[p] * x
            for col in range(size - 1, -1, -1):
                end = u_ptr[col + 1] - 1
                x = work[col] / u_val[end]
                work[col] = x
                for p in range(u_ptr[col], end):
                    work[u_idx[p]] -= u_val[p] * x
            worst = 0.0
            for i in range(size):
                new[i] = work[perm_c[i]]
            for i in range(n):
                worst = max(worst, abs(new[i] - predicted[i]))
                predicted[i] = new[i]
            if worst < tolerance:
                settled = True
                break
        if not settled:
            return out, taken, step
        for i in range(n):
            following = 2.0 / h * (new[i] - u[i]) - v[i]
            a[i] = 2.0 / h * (following - v[i]) - a[i]
            v[i] = following
            u[i] = new[i]
        for i in range(n_line):
            for port in range(2):
                p, m = line_nodes[i, 2 * port], line_nodes[i, 2 * port + 1]
                volt = k * ((v[p] if p >= 0 else 0.0) - (v[m] if m >= 0 else 0.0))
                # I = (V - wave) / Z flows in; what the other end sees a delay later is V + Z I
                history[i, port, step % longest] = 2.0 * volt - wave[i, port]
        if step % every == 0:
            for i in range(n):
                out[i, step // every] = u[i]
    return out, taken, -1
