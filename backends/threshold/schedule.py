"""The scheduler's front: a node and a shape in, a checked program with its certified gap out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from nc.backends.threshold.allocate import assemble
from nc.backends.threshold.bounds import Bounds, bounds
from nc.backends.threshold.exact import solve
from nc.backends.threshold.node import Node
from nc.backends.threshold.program import Program
from nc.backends.threshold.search import best_issue
from nc.backends.threshold.simulator import Usage, check
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import fail


@dataclass(frozen=True)
class Schedule:
    """A legal program (checked by the independent simulator) and how good it is.

    `cycles` from the first evaluation to the last; `optimal` names the class within which no schedule is shorter
    ('' when unproved); the emission of the result overlaps the next node's first cycle.
    """

    node: Node
    shape: PeShape
    streamed: bool
    program: Program
    usage: Usage
    bounds: Bounds
    optimal: str = ""

    @property
    def cycles(self) -> int:
        return self.usage.cycles

    @property
    def gap(self) -> float:
        """Cycles over the evaluation bound of FA/HA networks (1.0 is perfect)."""
        return self.cycles / max(1, self.bounds.evaluations)

    @property
    def certified_gap(self) -> float:
        """Cycles over the best proved FA/HA bound."""
        return self.cycles / max(1, self.bounds.full_adders)

    @property
    def utilisation(self) -> float:
        return self.usage.evaluations / (self.cycles * self.shape.neurons)


DEFAULT_SHAPE = PeShape()


@lru_cache(maxsize=4096)
def schedule(node: Node, shape: PeShape = DEFAULT_SHAPE, streamed: bool = True, effort: int = 0) -> Schedule:
    """The shortest program found for `node`: greedy policies at `effort` 0, more of them and random ones above.

    `streamed`: the bits of C come through the fresh lanes when needed; otherwise they are preloaded in registers.
    Raises NcError (NC704) when the node does not fit the registers.
    """
    found = best_issue(node, shape, streamed, effort)
    program = assemble(node, shape, streamed, found[2]) if found else None
    if program is None:
        fail(
            "NC704",
            f"a node of {node.fan_in} inputs must fit {shape.storage} register bits, {shape.neurons} neurons with "
            f"{shape.registers} each",
            help="give the processing element more registers (array.pe.registers), or split the node",
        )
    return _checked(node, shape, streamed, program)


def _checked(node: Node, shape: PeShape, streamed: bool, program: Program, proof: str = "") -> Schedule:
    usage = check(program, node.fan_in)
    limits = bounds(node, shape, streamed)
    if not proof and usage.cycles == limits.full_adders:
        proof = "least-cell FA/HA networks"
    return Schedule(node, shape, streamed, program, usage, limits, proof)


def optimal_schedule(
    node: Node, shape: PeShape = DEFAULT_SHAPE, streamed: bool = True, seconds: float = 60.0
) -> Schedule:
    """Shorten the greedy schedule with CP-SAT until one cycle less is proved impossible over FA/HA networks."""
    best = schedule(node, shape, streamed)
    while True:
        exact = solve(node, shape, streamed, best.cycles - 1, seconds)
        if exact.status == "infeasible":
            return _checked(node, shape, streamed, best.program, "FA/HA networks")
        program = assemble(node, shape, streamed, exact.cells) if exact.cells is not None else None
        if program is None:
            return best
        best = _checked(node, shape, streamed, program)
