"""Lower bounds on the cycles of a node: what no schedule can beat, and within which class of schedules.

Three classes, kept apart: FA/HA networks with the least number of cells (`evaluations`, `ramps`), any network of
fan-in-4 gates (`any_gate`), and anything at all that reads B products a cycle (`supply`).
"""

from __future__ import annotations

from dataclasses import dataclass

from nc.backends.threshold.node import Node
from nc.hdl.threshold.shape import PeShape


@dataclass(frozen=True)
class Bounds:
    """Cycles. `evaluations`: neuron evaluations over neurons; `ramps`: the same, and neurons that must idle at the
    start (few bits have arrived) and at the end (the last carries ripple); `supply`: products over lanes;
    `any_gate`: for any fan-in-4 gates, max(gates / N, products / B)."""

    evaluations: int
    ramps: int
    supply: int
    any_gate: int

    @property
    def full_adders(self) -> int:
        """The best bound within FA/HA networks."""
        return max(self.evaluations, self.ramps, self.supply)


def _ceil(a: int, b: int) -> int:
    return -(-a // b)


def bounds(node: Node, shape: PeShape, streamed: bool) -> Bounds:
    """All lower bounds of `node` on `shape`; `streamed` addend bits take fresh lanes."""
    fresh = node.fan_in + (node.columns if streamed and node.addend else 0)
    gates = _ceil(node.fan_in - 1, 3)
    supply = _ceil(fresh, shape.fresh)
    any_supply = _ceil(node.fan_in, shape.fresh)
    return Bounds(
        evaluations=_ceil(node.evaluations, shape.neurons),
        ramps=_ramps(node, shape),
        supply=supply,
        any_gate=max(_ceil(gates, shape.neurons), any_supply),
    )


def _ramps(node: Node, shape: PeShape) -> int:
    """Start: after t cycles at most `started[t]` evaluations can have happened, since a cell needs three bits of its
    column that have arrived (two for the one half adder of a column). End: the last cell of column j is followed by
    one cycle for each column above it, so in the last i cycles only the columns >= K - i have carries left.
    Together: least L with started[L - i] >= evaluations - (evaluations of those columns), for every i."""
    cells = node.cells()
    total = node.evaluations
    started = _most_started(node, shape, total)
    best = 0
    above = 0
    for i in range(node.columns + 1):
        if i:
            j = node.columns - i
            skipped = 1 if node.kind == "compare" and cells[j] else 0
            above += 2 * cells[j] - skipped
        needed = total - above
        t = next(t for t, count in enumerate(started) if count >= needed)
        best = max(best, t + i)
    return best


def _most_started(node: Node, shape: PeShape, total: int) -> list[int]:
    """started[t]: upper bound on the evaluations in the first t cycles, however they are chosen."""
    bits = node.bits()
    columns = node.columns
    constant = int(node.addend)  # counted as present from the start, streamed or not
    cumulative = [[0] * columns]  # cells started in each column before cycle t
    evaluated = [0]
    steady = 0
    while evaluated[-1] < total:
        t = len(evaluated) - 1
        now = cumulative[-1]
        before = cumulative[-2] if t >= 1 else [0] * columns
        supply = shape.fresh * (t + 1)
        row = []
        for j in range(columns):
            products = node.products[j] if j < len(node.products) else 0
            arrived = min(products, supply) + constant + (now[j - 1] if j else 0)
            sums = before[j]
            # one cell of a column may take fewer than three bits: the half adder of an even column, or a lone last cell
            few = bits[j] <= 3
            row.append(min(arrived, 1) if few and bits[j] < 3 else (arrived + sums + 1 - bits[j] % 2) // 3)
        limit = sum(row) + sum(now)  # carries so far, and the sums of cells started at least one cycle ago
        evaluated.append(min(evaluated[-1] + shape.neurons, limit))
        cumulative.append(row)
        steady = steady + 1 if evaluated[-1] - evaluated[-2] == shape.neurons else 0
        if steady > 4 * columns:  # past the start nothing but the number of neurons limits
            rest = total - evaluated[-1]
            evaluated += [evaluated[-1] + shape.neurons * k for k in range(1, _ceil(max(rest, 0), shape.neurons) + 1)]
    return evaluated
