"""Cones of logic in front of flip-flops: cuts of few leaves, their functions, and the gates that only they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.backends.threshold.ftl.identify import table_of
from nc.ir.netlist import Netlist

Array = np.ndarray[Any, Any]

SETS_PER_ROOT = 400
"""Leaf sets explored below one root: enough for every cut of five leaves of usual logic, a bound for unusual logic."""


@dataclass(frozen=True)
class Cut:
    """`leaves` (nets, ascending) separate the root from the rest; `table`: the root's function of the leaves."""

    leaves: tuple[int, ...]
    table: int


class Cones:
    """Cut enumeration on a netlist of small gates; nets driven by ports, constants and flip-flops are sources."""

    def __init__(self, netlist: Netlist):
        self.netlist = netlist
        self.inputs: dict[int, tuple[int, ...]] = {}
        self.cell: dict[int, int] = {}
        for cell in range(netlist.n_cells):
            if not netlist.is_sequential[cell]:
                (net,) = netlist.outputs_of(cell).tolist()
                self.inputs[net] = tuple(netlist.inputs_of(cell).tolist())
                self.cell[net] = cell
        self.level = {net: int(netlist.levels[cell]) for net, cell in self.cell.items()}

    def cuts(self, root: int, size: int) -> list[Cut]:
        """Cuts of at most `size` leaves below `root`, the root alone included; constants are never leaves."""
        start = frozenset({root} if root > 1 else ())
        seen = {start}
        queue = [start]
        found = []
        for leaves in queue:
            if len(leaves) <= size:
                ordered = tuple(sorted(leaves))
                found.append(Cut(ordered, self.table(root, ordered)))
            for net in sorted(leaves, key=lambda n: -self.level.get(n, -1)):
                if net not in self.inputs:
                    continue
                below = (leaves - {net}) | {n for n in self.inputs[net] if n > 1}
                # one leaf too many may merge again further down
                if len(below) <= size + 1 and below not in seen and len(seen) < SETS_PER_ROOT:
                    seen.add(below)
                    queue.append(below)
        return found

    def table(self, root: int, leaves: tuple[int, ...]) -> int:
        """The truth table of `root` over `leaves` (leaf i is bit i of a minterm)."""
        count = 1 << len(leaves)
        minterm = np.arange(count)
        ones = np.uint64(0xFFFFFFFFFFFFFFFF)
        values: dict[int, Array] = {0: np.zeros(count, np.uint64), 1: np.full(count, ones)}
        for i, leaf in enumerate(leaves):
            values[leaf] = np.where(minterm >> i & 1, ones, np.uint64(0))

        def value(net: int) -> Array:
            if net not in values:
                arguments = [value(n) for n in self.inputs[net]]
                function = self.netlist.type_of(self.cell[net]).compiled[0]
                values[net] = np.asarray(function(*arguments))
            return values[net]

        return table_of(np.broadcast_to(value(root), count) & np.uint64(1))

    def exclusive(self, root: int, leaves: tuple[int, ...], fanout: Array) -> list[int]:
        """Nets of the gates that die when the cone from `leaves` to `root` loses its one reader of `root`."""
        uses = {root: int(fanout[root]) - 1}
        dead = []
        stack = [root]
        while stack:
            net = stack.pop()
            if uses[net] > 0 or net in leaves or net not in self.inputs:
                continue
            dead.append(net)
            for below in self.inputs[net]:
                uses[below] = uses.get(below, int(fanout[below])) - 1
                if uses[below] == 0:
                    stack.append(below)
        return dead
