"""Hand-written PE programs: gates in order, placed on neurons, ports and registers under the element's rules.

Used for the operations beside popcount-threshold nodes (`operations`). Gates are issued as early as their operands
allow, in the order in which they were added.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from nc.backends.threshold.allocate import operand_of_product
from nc.backends.threshold.program import Program, empty_program
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import InternalError, fail

Ref = int
"""A value: a gate's number, or a product as `operand_of_product` has it."""

NOTHING = -1


@dataclass(frozen=True)
class Gate:
    """[a + b + c + 2d >= threshold] with inversions; `held`: a, b, c are those that gate `held` used a cycle before."""

    operands: tuple[Ref, Ref, Ref, Ref]
    invert: tuple[bool, bool, bool, bool]
    threshold: int
    emit: bool
    held: int


@dataclass
class Kernel:
    """Collects gates, then places them: `program()`."""

    shape: PeShape
    gates: list[Gate] = field(default_factory=list)

    def gate(
        self,
        *light: Ref,
        threshold: int,
        heavy: Ref = NOTHING,
        invert: str = "",
        emit: bool = False,
        held: int = NOTHING,
    ) -> Ref:
        """Add a gate; `invert` names inverted slots (letters of 'abcd'). The weight-2 operand must be a product or the
        gate just before."""
        a, b, c = (*light, NOTHING, NOTHING, NOTHING)[:3]
        flags = tuple(slot in invert for slot in "abcd")
        self.gates.append(Gate((a, b, c, heavy), flags, threshold, emit, held))  # type: ignore[arg-type]
        return len(self.gates) - 1

    def full_adder(self, a: Ref, b: Ref, c: Ref = NOTHING, emit: bool = False) -> tuple[Ref, Ref]:
        """Carry and sum of three bits (two without c): the sum a cycle after the carry, on the held operands."""
        carry = self.gate(a, b, c, threshold=2)
        return carry, self.gate(a, b, c, threshold=3, heavy=carry, invert="d", emit=emit, held=carry)

    def program(self) -> Program:
        """Place every gate. Raises NcError (NC704) when the registers do not suffice."""
        cycle = self._times()
        n, shape = len(self.gates), self.shape
        last_use = [0] * n
        for g, gate in enumerate(self.gates):
            for ref in gate.operands[:3]:
                if ref >= 0 and gate.held < 0:
                    last_use[ref] = max(last_use[ref], cycle[g])
        made = empty_program(shape, max(cycle) + 2)
        neuron, register = [-1] * n, [-1] * n
        busy = np.full((shape.neurons, shape.registers), -1)
        taken: dict[int, set[int]] = {}
        for g in sorted(range(n), key=lambda g: cycle[g]):
            t = cycle[g]
            free = [i for i in range(shape.neurons) if i not in taken.setdefault(t, set())]
            room = [(int((busy[i] <= t + 1).sum()), -i) for i in free]
            i = -max(room)[1]
            neuron[g] = i
            taken[t].add(i)
            if last_use[g] > t + 1:
                slots = np.flatnonzero(busy[i] <= t + 1)
                if not len(slots):
                    fail("NC704", f"an operation must fit {shape.storage} register bits of the element",
                         help="give the processing element more registers (array.pe.registers)")  # fmt: skip
                register[g] = int(slots[0])
                busy[i, slots[0]] = last_use[g]
                made.write[t + 1, i] = register[g]
            self._fill(made, g, t, cycle, neuron, register)
        return made

    def _times(self) -> list[int]:
        """The earliest cycle of every gate: operands ready, neurons, lanes and ports free, emissions one at a time.

        A gate that reads the operands or the flip-flop of the one just before follows it by one cycle; such a chain is
        placed as a whole.
        """
        cycle: list[int] = []
        used: dict[str, Counter[int]] = {name: Counter() for name in ("neurons", "lanes", "reads")}
        room = {"neurons": self.shape.neurons, "lanes": self.shape.fresh, "reads": self.shape.reads}
        last_emit = -1
        g = 0
        while g < len(self.gates):
            size = 1
            while g + size < len(self.gates) and self._follows(g + size):
                size += 1
            chain = self.gates[g : g + size]
            needs = [self._needs(gate) for gate in chain]
            if any(amount > room[name] for need in needs for name, amount in need.items()):
                raise InternalError(f"a gate must fit {self.shape.fresh} fresh lanes and {self.shape.reads} reads")
            first = 0
            for place, gate in enumerate(chain):
                light = [r for r in gate.operands[:3] if 0 <= r < g] if gate.held < 0 else []
                first = max([first, *(cycle[r] + 1 - place for r in light)])
                if gate.emit:
                    first = max(first, last_emit + 1 - place)
            while any(
                used[name][first + place] + amount > room[name]
                for place, need in enumerate(needs)
                for name, amount in need.items()
            ):
                first += 1
            for place, (gate, need) in enumerate(zip(chain, needs, strict=True)):
                for name, amount in need.items():
                    used[name][first + place] += amount
                cycle.append(first + place)
                last_emit = first + place if gate.emit else last_emit
            g += size
        return cycle

    def _follows(self, g: int) -> bool:
        gate = self.gates[g]
        if g - 1 in (gate.held, gate.operands[3]):
            return True
        if gate.held >= 0 or gate.operands[3] >= 0:
            raise InternalError("held operands and the weight-2 operand must come from the gate just before")
        return False

    @staticmethod
    def _needs(gate: Gate) -> dict[str, int]:
        light = () if gate.held >= 0 else tuple(r for r in gate.operands[:3] if r != NOTHING)
        fresh = sum(r < NOTHING for r in (*light, gate.operands[3]))
        return {"neurons": 1, "lanes": fresh, "reads": sum(r >= 0 for r in light)}

    def _fill(self, made: Program, g: int, t: int, cycle: list[int], neuron: list[int], register: list[int]) -> None:
        gate, shape, i = self.gates[g], self.shape, neuron[g]
        made.threshold[t, i] = gate.threshold
        made.invert[t, i] = gate.invert
        for k, ref in enumerate(gate.operands):
            if ref == NOTHING:
                continue
            if gate.held >= 0 and k < 3:
                made.source[t, i, k] = shape.held_source(neuron[gate.held], k)
            elif ref < NOTHING:
                lane = int(np.flatnonzero(made.lane[t] == -1)[0])
                made.lane[t, lane] = (operand_of_product(0) - ref) // 2
                made.source[t, i, k] = shape.fresh_source(lane)
            elif cycle[ref] + 1 == t:
                made.source[t, i, k] = shape.q_source(neuron[ref])
            elif k == 3:
                raise InternalError("the weight-2 operand must come from the gate just before")
            else:
                port = int(np.flatnonzero(made.port[t] == -1)[0])
                made.port[t, port] = neuron[ref] * shape.registers + register[ref]
                made.source[t, i, k] = shape.port_source(port)
        if gate.emit:
            made.emit[t + 1] = shape.q_source(i)
