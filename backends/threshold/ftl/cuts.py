"""Cones of logic in front of flip-flops: cuts of few leaves, their functions, and the gates that only they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.backends.threshold.ftl.identify import table_of
from nc.ir.netlist import Netlist

Array = np.ndarray[Any, Any]

CUTS_PER_NET = 48
"""Cuts kept at a net, half of them the smallest, half the deepest: a bound for unusual logic."""


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
        self._sets: dict[tuple[int, int], list[frozenset[int]]] = {}
        self.level = {net: int(netlist.levels[cell]) for net, cell in self.cell.items()}

    def cuts(self, root: int, size: int) -> list[Cut]:
        """Cuts of at most `size` leaves below `root`, the root alone included; constants are never leaves."""
        found = []
        for leaves in self._leaf_sets(root, size):
            ordered = tuple(sorted(leaves))
            found.append(Cut(ordered, self.table(root, ordered)))
        return found

    def _leaf_sets(self, root: int, size: int) -> list[frozenset[int]]:
        """Bottom-up: a cut of a gate is one cut of each of its inputs, merged, or the gate itself."""
        if (root, size) in self._sets:
            return self._sets[root, size]
        cone = {root}
        stack = [root]
        while stack:
            for net in self.inputs.get(stack.pop(), ()):
                if net not in cone and (net, size) not in self._sets:
                    cone.add(net)
                    stack.append(net)
        for net in sorted(cone, key=lambda n: self.level.get(n, -1)):
            own = [frozenset({net} if net > 1 else ())]
            if net in self.inputs:
                merged = {frozenset[int]()}
                for below in self.inputs[net]:
                    merged = {a | b for a in merged for b in self._sets[below, size] if len(a | b) <= size}
                small = sorted(merged, key=lambda c: (len(c), sorted(c)))
                deep = sorted(merged, key=lambda c: (sum(self.level.get(n, -1) for n in c), len(c), sorted(c)))
                own += list(dict.fromkeys(deep[: CUTS_PER_NET // 2] + small[: CUTS_PER_NET // 2]))
            self._sets[net, size] = own
        return self._sets[root, size]

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
