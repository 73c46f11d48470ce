"""Pipelining: registers so that no stage takes longer than a period, outputs aligned, with the fewest register bits.

Each node v gets a stage r(v); an edge u -> v carries r(v) - r(u) registers, shared by the readers of u. For a period T
the minimum of sum bits(u) * (latest reader's stage - r(u)) under r(v) >= r(u) + [a path u..v takes more than T] is a
linear program over differences, whose vertices are whole (Leiserson and Saxe, "Retiming synchronous circuitry",
Algorithmica 6, 1991). Paths that are too long are found as the program is solved, not listed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.compiler.words.delay import TECHNOLOGIES, delays
from nc.compiler.words.rebuild import Copy
from nc.ir.diagnostics import fail
from nc.ir.words import Kind, WordGraph
from nc.ir.words.graph import IntArray

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
ROUNDS = 60
LARGE = 60_000
"""Beyond so many nodes the linear program is not attempted."""


@dataclass(frozen=True)
class Pipeline:
    """Exactly one of `stages` (registers from inputs to outputs), `every` (operations a stage), `clock_mhz`; or none.

    `technology`: the delay model. `minimise`: fewest register bits by linear programming, when SciPy is there.
    `relax`: with `stages`, by how much a stage may be longer than the shortest possible, which leaves the registers
    more places to choose from.
    """

    stages: int | None = None
    every: int | None = None
    clock_mhz: float | None = None
    technology: str = "generic"
    minimise: bool = True
    relax: float = 0.0
    strict: bool = True

    def run(self, graph: WordGraph) -> tuple[WordGraph, int]:
        """The graph with registers, and the latency in cycles. NC609 when no register placement meets the clock."""
        if self.stages is None and self.every is None and self.clock_mhz is None or self.stages == 0:
            return graph, 0
        cost = _timing(graph, self)
        if self.stages is not None:
            period = _period(graph, cost, self.stages) * (1 + self.relax)
            count = self.stages
        else:
            period = float(self.every) if self.every is not None else 1000.0 / float(self.clock_mhz or 1)
            if not self.strict:
                period = max(period, float(cost.max(initial=0)))
            if cost.max(initial=0) > period:
                worst = int(cost.argmax())
                fail("NC609", f"a stage must fit {period:.2f} ns, but one operation alone takes {cost.max():.2f} ns",
                     op=f"%{worst} ({Kind(int(graph.kind[worst])).name.lower()}, {graph.bits[worst]} bits)",
                     help="lower pipeline.clock_mhz, or let requantisation narrow the layer")  # fmt: skip
            count = int(asap(graph, cost, period).max(initial=0)) + 1
        stage = schedule(graph, cost, period, count, self.minimise)
        return insert(graph, stage, count), count


def _timing(graph: WordGraph, options: Pipeline) -> FloatArray:
    cost = delays(graph, TECHNOLOGIES[options.technology])
    return (cost > 0).astype(np.float64) if options.every is not None else cost


def asap(graph: WordGraph, cost: FloatArray, period: float) -> IntArray:
    """Earliest stage of each node."""
    return _arrivals(graph, cost, period)[0]


def _arrivals(graph: WordGraph, cost: FloatArray, period: float) -> tuple[IntArray, FloatArray]:
    stage, time = [0] * len(graph), [0.0] * len(graph)
    start, src, price = graph.start.tolist(), graph.src.tolist(), cost.tolist()
    for node in range(len(graph)):
        s, t = 0, 0.0
        for e in range(start[node], start[node + 1]):
            u = src[e]
            if stage[u] > s:
                s, t = stage[u], time[u]
            elif stage[u] == s and time[u] > t:
                t = time[u]
        t += price[node]
        if t > period + 1e-9:
            s, t = s + 1, price[node]
        stage[node], time[node] = s, t
    return np.array(stage, np.int64), np.array(time)


def alap(graph: WordGraph, cost: FloatArray, period: float, count: int) -> IntArray:
    """Latest stage of each node when the outputs are registered at stage `count`."""
    stage, tail = [count - 1] * len(graph), [0.0] * len(graph)
    start, src, price = graph.start.tolist(), graph.src.tolist(), cost.tolist()
    for node in range(len(graph) - 1, -1, -1):
        total = tail[node] + price[node]
        if total > period + 1e-9:
            stage[node] -= 1
            total = price[node]
        for e in range(start[node], start[node + 1]):
            u = src[e]
            if stage[node] < stage[u]:
                stage[u], tail[u] = stage[node], total
            elif stage[node] == stage[u]:
                tail[u] = max(tail[u], total)
    return np.array(stage, np.int64)


def _period(graph: WordGraph, cost: FloatArray, stages: int) -> float:
    """The shortest period for which `stages` suffice."""
    low, high = float(cost.max(initial=0)), float(cost.sum() + 1)
    if int(asap(graph, cost, low).max(initial=0)) < stages:
        return low
    _, time = _arrivals(graph, cost, np.inf)
    high = float(time.max(initial=0))
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if int(asap(graph, cost, middle).max(initial=0)) < stages else (middle, high)
    return high


def schedule(graph: WordGraph, cost: FloatArray, period: float, count: int, minimise: bool = True) -> IntArray:
    """A stage for every node, 0 .. count - 1, inputs at 0."""
    early, late = asap(graph, cost, period), alap(graph, cost, period, count)
    inputs = graph.kind == Kind.INPUT
    late[inputs] = 0
    best = _greedy(graph, early, late, count)
    if not minimise or len(graph) > LARGE:
        return best
    try:
        from scipy.optimize import linprog  # noqa: F401
    except ImportError:
        return best
    found = _Retiming(graph, cost, period, count, early, late).solve()
    if found is None or register_bits(graph, found, count) > register_bits(graph, best, count):
        return best
    return found


def _greedy(graph: WordGraph, early: IntArray, late: IntArray, count: int) -> IntArray:
    """As early as possible, or as late, whichever holds fewer bits."""
    options = [early, np.where(graph.kind == Kind.INPUT, 0, np.maximum(early, late))]
    return min(options, key=lambda stage: register_bits(graph, stage, count))


def register_bits(graph: WordGraph, stage: IntArray, count: int) -> int:
    """Register bits of a placement, registers shared among the readers of a node."""
    last = stage.copy()
    np.maximum.at(last, graph.src, stage[graph.owner])
    for port in graph.outputs:
        last[port.nodes] = count
    held = graph.kind != Kind.CONST
    return int(((last - stage) * graph.bits)[held].sum())


class _Retiming:
    """The linear program, with path constraints added as they are violated."""

    def __init__(
        self, graph: WordGraph, cost: FloatArray, period: float, count: int, early: IntArray, late: IntArray
    ) -> None:
        self.graph, self.cost, self.period, self.count = graph, cost, period, count
        self.early, self.late = early, late
        n = len(graph)
        held = graph.kind[graph.src] != Kind.CONST
        src, dst = graph.src[held].astype(np.int64), graph.owner[held]
        pairs = np.unique(np.stack([src, dst]), axis=1)
        self.src, self.dst = pairs
        self.extra: set[tuple[int, int]] = set()
        self.weight = np.where(graph.kind == Kind.CONST, 0, graph.bits).astype(np.float64)
        sinks = np.zeros(n, bool)
        for port in graph.outputs:
            sinks[port.nodes] = True
        self.last_low = np.where(sinks, self.count, 0).astype(np.float64)

    def solve(self) -> IntArray | None:
        for _ in range(ROUNDS):
            stage = self._relaxed()
            if stage is None:
                return None
            broken = self._violations(stage)
            if not broken:
                return stage
            self.extra |= broken
        return None

    def _relaxed(self) -> IntArray | None:
        """Variables r (n), then m (n), the stage of the latest reader: min sum w (m - r)."""
        from scipy.optimize import linprog
        from scipy.sparse import coo_matrix

        n = len(self.graph)
        extra = np.array(sorted(self.extra), np.int64).reshape(-1, 2)
        edges, paths = len(self.src), len(extra)
        # r_u - r_v <= 0; r_v - m_u <= 0; r_u - r_v <= -1 for long paths; r_u - m_u <= 0.
        rows = np.arange(2 * edges + paths + n)
        plus = np.concatenate((self.src, self.dst, extra[:, 0], np.arange(n)))
        minus = np.concatenate((self.dst, self.src + n, extra[:, 1], np.arange(n) + n))
        matrix = coo_matrix(
            (
                np.concatenate((np.ones(len(rows)), -np.ones(len(rows)))),
                (np.concatenate((rows, rows)), np.concatenate((plus, minus))),
            ),
            shape=(len(rows), 2 * n),
        ).tocsr()
        right = np.zeros(len(rows))
        right[2 * edges : 2 * edges + paths] = -1
        lower = np.concatenate((self.early, self.last_low))
        upper = np.concatenate((np.maximum(self.early, self.late), np.full(n, self.count)))
        # Inputs stay at stage 0; a hair of weight on r keeps unweighted nodes from floating.
        price = np.concatenate((-self.weight, self.weight))
        result = linprog(price, A_ub=matrix, b_ub=right, bounds=np.stack((lower, upper), axis=1), method="highs")
        if result.status != 0:
            return None
        whole: IntArray = np.rint(result.x[:n]).astype(np.int64)
        return whole

    def _violations(self, stage: IntArray) -> set[tuple[int, int]]:
        """End points of paths within one stage that take longer than the period, cut to where they first do."""
        graph = self.graph
        start, src, price = graph.start.tolist(), graph.src.tolist(), self.cost.tolist()
        at = stage.tolist()
        time = [0.0] * len(graph)
        before = [-1] * len(graph)
        found: set[tuple[int, int]] = set()
        for node in range(len(graph)):
            t, via = 0.0, -1
            for e in range(start[node], start[node + 1]):
                u = src[e]
                if at[u] == at[node] and time[u] > t:
                    t, via = time[u], u
            time[node] = t + price[node]
            before[node] = via
            if time[node] <= self.period + 1e-9:
                continue
            # Walk back until the path alone is too long: the shortest violating suffix.
            total, begin = price[node], node
            while total <= self.period + 1e-9:
                begin = before[begin]
                total += price[begin]
            found.add((begin, node))
            time[node] = price[node]  # report the next violation on its own
        return found


def insert(graph: WordGraph, stage: IntArray, count: int) -> WordGraph:
    """Put the registers: each edge's difference of stages, outputs at `count`."""
    copy = Copy(graph)
    at = stage.tolist()

    def delayed(old: int, cycles: int) -> int:
        made = copy.new[old]
        copy.builder.layer(graph.layers[copy.layer[old]])
        for _ in range(cycles):
            made = copy.builder.assume(copy.builder.reg(made), copy.low[old], copy.high[old])
        return made

    for node in np.flatnonzero(graph.live() & (graph.kind != Kind.INPUT)).tolist():
        sources = {copy.src[e] for e in range(copy.start[node], copy.start[node + 1])}
        saved = {s: copy.new[s] for s in sources}
        for s in sources:
            copy.new[s] = delayed(s, at[node] - at[s])
        copy.builder.layer(graph.layers[copy.layer[node]])
        made = copy.keep(node)
        copy.builder.assume(made, copy.low[node], copy.high[node])
        for s, value in saved.items():
            copy.new[s] = value
        copy.new[node] = made
    outputs = []
    for port in graph.outputs:
        nodes = np.array([delayed(n, count - at[n]) for n in port.nodes.tolist()], np.int64)
        outputs.append(type(port)(port.name, port.shape, nodes, port.bits, port.signed))
    probes = {name: copy.port(p) for name, p in graph.probes.items()}
    return copy.builder.build(outputs, probes)
