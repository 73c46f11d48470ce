"""Exact synthesis: the fewest neurons that compute given functions, by SAT.

A network of neurons [a + b + c + 2d >= T] with free inversion of operands and constant ties is described by selection
variables (which source each operand slot takes, its polarity, the threshold) and by the value of every neuron on every
minterm; the solver finds a network of g neurons or proves that there is none. Fewer neurons than full adders need make
shorter programs: the networks found run on the element through `kernel.Kernel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from nc.backends.threshold.allocate import operand_of_product
from nc.backends.threshold.kernel import NOTHING, Kernel, Ref
from nc.backends.threshold.program import Program
from nc.hdl.threshold.shape import WEIGHTS, PeShape
from nc.ir.diagnostics import ToolMissing, fail

Array = np.ndarray[Any, Any]

TOP = sum(WEIGHTS)


@dataclass(frozen=True)
class Neuron:
    """`operands` of slots a, b, c (weight 1) and d (weight 2): an input 0 .. n - 1, neuron n + k, or -1 for constant 0;
    each inverted where `invert` says so; fires when the weighted sum reaches `threshold`."""

    operands: tuple[int, int, int, int]
    invert: tuple[bool, bool, bool, bool]
    threshold: int


@dataclass(frozen=True)
class NeuronNetwork:
    """`outputs[k]`: which neuron (numbered from 0) computes function k."""

    inputs: int
    neurons: tuple[Neuron, ...]
    outputs: tuple[int, ...]

    def values(self) -> Array:
        """(neurons, 2^inputs) bool: every neuron on every minterm (input i is bit i of its number)."""
        known = [(np.arange(1 << self.inputs) >> i & 1).astype(np.bool_) for i in range(self.inputs)]
        for neuron in self.neurons:
            total = np.zeros(1 << self.inputs, np.int64)
            for weight, operand, inverted in zip(WEIGHTS, neuron.operands, neuron.invert, strict=True):
                total += weight * ((known[operand] if operand >= 0 else np.False_) ^ inverted)
            known.append(total >= neuron.threshold)
        return np.array(known[self.inputs :])

    def tables(self) -> list[int]:
        """Truth tables of the outputs."""
        return [
            int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little")
            for row in self.values()[list(self.outputs)]
        ]

    def program(self, shape: PeShape) -> Program:
        """The network on a processing element; its outputs leave in the order of their neurons.

        Inputs that several neurons read, or more of one neuron than there are lanes, are loaded first; a weight-2
        operand that is neither fresh nor the result just before is copied.
        """
        loaded = [sum(n.operands.count(i) for n in self.neurons) > 1 for i in range(self.inputs)]
        for neuron in self.neurons:
            fresh = [o for o in neuron.operands if 0 <= o < self.inputs and not loaded[o]]
            for o in fresh[: max(0, len(fresh) - shape.fresh)]:
                loaded[o] = True
        kernel = Kernel(shape)
        where: list[Ref] = [operand_of_product(i) for i in range(self.inputs)]
        for i in range(self.inputs):
            if loaded[i]:
                where[i] = kernel.gate(where[i], threshold=1)
        last = max(self.outputs, default=0)
        for k, neuron in enumerate(self.neurons[: last + 1]):
            refs = [where[o] if o >= 0 else NOTHING for o in neuron.operands]
            heavy = refs[3]
            if heavy >= 0 and heavy != len(kernel.gates) - 1:
                heavy = kernel.gate(heavy, threshold=1)
            letters = "".join(slot for slot, inverted in zip("abcd", neuron.invert, strict=True) if inverted)
            emit = k in self.outputs
            where.append(kernel.gate(*refs[:3], threshold=neuron.threshold, heavy=heavy, invert=letters, emit=emit))
        return kernel.program()


@dataclass(frozen=True)
class Found:
    """`network`: of the fewest neurons, or None; `proved`: every smaller number was refuted; `tried`: verdict ('sat',
    'unsat', 'unknown') for each number of neurons."""

    network: NeuronNetwork | None
    proved: bool
    tried: dict[int, str]


def fewest_neurons(
    tables: Sequence[int], inputs: int, most: int = 6, least: int = 1, conflicts: int = 2_000_000
) -> Found:
    """The fewest neurons that compute every truth table of `tables` over `inputs` variables, from `least` to `most`;
    each number of neurons gets `conflicts` conflicts of the solver (the same verdict on a slow machine)."""
    tried: dict[int, str] = {}
    for size in range(max(least, len(set(tables))), most + 1):
        verdict, network = solve(tables, inputs, size, conflicts)
        tried[size] = verdict
        if network is not None:
            return Found(network, all(v == "unsat" for k, v in tried.items() if k < size), tried)
    return Found(None, False, tried)


def solve(tables: Sequence[int], inputs: int, size: int, conflicts: int) -> tuple[str, NeuronNetwork | None]:
    """'sat' with a network of exactly `size` neurons, 'unsat', or 'unknown' when the budget ran out."""
    try:
        from pysat.solvers import Solver
    except ImportError:
        fail("NC500", "exact synthesis needs python-sat", help="pip install python-sat", kind=ToolMissing)
    model = _Encoding(tables, inputs, size)
    with Solver(name="glucose4", bootstrap_with=model.clauses) as solver:
        solver.conf_budget(conflicts)
        verdict = solver.solve_limited(expect_interrupt=False)
        if verdict is None:
            return "unknown", None
        if not verdict:
            return "unsat", None
        true = {literal for literal in solver.get_model() if literal > 0}
    return "sat", model.network(true)


class _Encoding:
    """Variables and clauses. Slots a, b, c of a neuron are ordered (they are alike); every neuron but the outputs is
    read by a later one; consecutive neurons that do not read each other are ordered by their first operand."""

    def __init__(self, tables: Sequence[int], inputs: int, size: int) -> None:
        self.inputs, self.size, self.count = inputs, size, 0
        self.clauses: list[list[int]] = []
        minterms = 1 << inputs
        self.value = [[self.new() for _ in range(minterms)] for _ in range(size)]
        self.select: list[list[dict[int, int]]] = []
        self.invert: list[list[int]] = []
        self.threshold: list[list[int]] = []
        self.output = [[self.new() for _ in range(size)] for _ in tables]
        for k in range(size):
            self._neuron(k, minterms)
        for chosen, table in zip(self.output, tables, strict=True):
            self.one_of(chosen)
            for k, literal in enumerate(chosen):
                for m in range(minterms):
                    self.clauses.append([-literal, self.value[k][m] if table >> m & 1 else -self.value[k][m]])
        for k in range(size):
            readers = [slot[inputs + k] for later in self.select[k + 1 :] for slot in later]
            self.clauses.append(readers + [chosen[k] for chosen in self.output])

    def new(self) -> int:
        self.count += 1
        return self.count

    def one_of(self, literals: Sequence[int]) -> None:
        self.clauses.append(list(literals))
        self.clauses += [[-a, -b] for a, b in combinations(literals, 2)]

    def _neuron(self, k: int, minterms: int) -> None:
        sources = [-1, *range(self.inputs + k)]
        select = [{s: self.new() for s in sources} for _ in WEIGHTS]
        invert = [self.new() for _ in WEIGHTS]
        threshold = [self.new() for _ in range(TOP)]
        self.select.append(select)
        self.invert.append(invert)
        self.threshold.append(threshold)
        self.one_of(threshold)
        for slot in select:
            self.one_of(list(slot.values()))
        for left, right in ((0, 1), (1, 2)):  # slots of weight 1 in ascending order; equal only for constants
            for s, t in product(sources, sources):
                if t < s or (t == s and s >= 0):
                    self.clauses.append([-select[left][s], -select[right][t]])
        for m in range(minterms):
            operands = [self.new() for _ in WEIGHTS]
            for slot, inverted, operand in zip(select, invert, operands, strict=True):
                for s, chosen in slot.items():
                    if s < 0:
                        self.clauses += [[-chosen, -operand, inverted], [-chosen, operand, -inverted]]
                    elif s < self.inputs:
                        up = inverted if m >> s & 1 else -inverted
                        self.clauses += [[-chosen, -operand, -up], [-chosen, operand, up]]
                    else:
                        v = self.value[s - self.inputs][m]
                        for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):  # operand = v xor inverted
                            self.clauses.append([-chosen, -a * v, -b * inverted, (-1 if a == b else 1) * operand])
            fires = self.value[k][m]
            for bits in product((0, 1), repeat=len(WEIGHTS)):
                total = sum(w * b for w, b in zip(WEIGHTS, bits, strict=True))
                differs = [-o if b else o for o, b in zip(operands, bits, strict=True)]
                for level in range(1, TOP + 1):
                    self.clauses.append([*differs, -threshold[level - 1], fires if total >= level else -fires])

    def network(self, true: set[int]) -> NeuronNetwork:
        neurons = []
        for select, invert, threshold in zip(self.select, self.invert, self.threshold, strict=True):
            picked = [next(s for s, literal in slot.items() if literal in true) for slot in select]
            flags = [literal in true for literal in invert]
            level = next(t for t, literal in enumerate(threshold, 1) if literal in true)
            neurons.append(
                Neuron((picked[0], picked[1], picked[2], picked[3]), (flags[0], flags[1], flags[2], flags[3]), level)
            )
        outputs = tuple(next(k for k, literal in enumerate(row) if literal in true) for row in self.output)
        return NeuronNetwork(self.inputs, tuple(neurons), outputs)


def at_least(inputs: int, threshold: int) -> int:
    """The truth table of [x0 + ... >= threshold]."""
    return sum(1 << m for m in range(1 << inputs) if m.bit_count() >= threshold)


def count_bits(inputs: int) -> list[int]:
    """The truth tables of the binary digits of x0 + x1 + ..., least significant first."""
    return [sum(1 << m for m in range(1 << inputs) if m.bit_count() >> b & 1) for b in range(inputs.bit_length())]
