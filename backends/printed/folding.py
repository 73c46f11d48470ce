"""Folding in time: one multiplier and one accumulator serve all neurons, one weight a cycle (a sequential circuit).

The network is taken as neurons (sums) with chains of one-operand functions between them. One step of the folded
circuit is itself a word graph: inputs, state in, state out; it is mapped and proved like any other, and the state is
flip-flops around it. Weights that are 0 take no cycle. As in sequential printed SVMs (ISCAS 2025), a running maximum
stands for the arg-max.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nc.backends.printed.lowering import to_words
from nc.ir.diagnostics import fail
from nc.ir.graph import Graph, Value
from nc.ir.loops import Loop
from nc.ir.words import Kind, Term, WordBuilder, WordGraph, evaluate

Array = np.ndarray[Any, np.dtype[Any]]

CHAIN = (Kind.CLAMP, Kind.SHR, Kind.BITS, Kind.TABLE)


@dataclass(frozen=True, eq=False)
class Folded:
    """`words`: one step, with ports for the sample, the states and their next values, and the result, which is right
    in the last of `cycles` steps. `loops`: the states."""

    words: WordGraph
    loops: tuple[Loop, ...]
    cycles: int

    @property
    def registers(self) -> int:
        """State bits: flip-flops around the step."""
        states = {loop.state for loop in self.loops}
        return sum(p.tensor.width for p in self.words.inputs if p.name in states)

    def run(self, x: Array) -> Array:
        """The results (N, 1) for samples (N, F): every step evaluated."""
        state = [np.broadcast_to(loop.initial, (len(x), *loop.initial.shape)) for loop in self.loops]
        result = np.zeros((len(x), 1), np.int64)
        for _ in range(self.cycles):
            result, *state = evaluate(self.words, [x, *state])
        return result


@dataclass(frozen=True)
class _Neuron:
    """A sum: `terms` (operand, weight), `bias`, the node `stored` in a register (None: a class's score)."""

    terms: tuple[tuple[int, int], ...]
    bias: int
    stored: int | None


def fold(graph: Graph) -> Folded:
    """The folded circuit of a primitive graph that ends in a decision. Raises NC650 for other networks."""
    scores, threshold, labels = _decision(graph)
    words = to_words(replace(graph, outputs={"scores": scores}))
    neurons = _neurons(words, threshold)
    return _Step(words, neurons, labels).build()


def _decision(graph: Graph) -> tuple[Value, int | None, Array]:
    """(the compared sums, the threshold of a single one, the label of each class)."""
    value = next(iter(graph.outputs.values()))
    node = graph.nodes[value]
    table: Any = None
    if node.op.name == "table" and graph.nodes[node.operands[0]].op.name == "argmax":
        table, node = node.op, graph.nodes[node.operands[0]]
    op: Any = node.op
    if op.name == "argmax" and not op.last and graph.type(node.operands[0]).rank == 1:
        count = graph.type(node.operands[0]).size
        entries = np.arange(count) if table is None else np.asarray(table.entries)[0][-table.lo :][:count]
        return node.operands[0], None, entries
    limit = graph.nodes[node.operands[1]].constant if op.name == "greater" else None
    if limit is None or graph.type(node.operands[0]).size != 1:
        fail("NC650", f"a sequential circuit must end in an arg-max, not in '{op.name}'",
             help="--set output=argmax, or printed.style=combinational")  # fmt: skip
    return node.operands[0], int(limit.ravel()[0]), np.arange(2)


def _neurons(words: WordGraph, threshold: int | None) -> list[_Neuron]:
    """All sums that the scores need, operands first."""
    readers = words.fanout
    made: dict[int, _Neuron] = {}
    order: list[int] = []

    def root(node: int) -> tuple[int, int]:
        """(the sum or input below a chain, the node of the chain that is stored)."""
        chain = [node]
        while words.kind[chain[-1]] in CHAIN:
            chain.append(int(words.src[words.operands(chain[-1])][0]))
        stored = chain[-1]
        for above in reversed(chain[:-1]):
            if readers[stored] != 1 or words.kind[above] not in (Kind.CLAMP, Kind.SHR):
                break
            stored = above
        return chain[-1], stored

    def visit(node: int, stored: int | None) -> _Neuron:
        weights: dict[int, int] = {}
        if words.kind[node] == Kind.CONST:
            return _Neuron((), int(words.p0[node]), stored)
        entries = words.operands(node)
        listed = list(zip(words.src[entries].tolist(), words.shift[entries].tolist(), words.neg[entries].tolist()))
        is_sum = words.kind[node] == Kind.SUM
        for operand, shift, negative in listed if is_sum else [(node, 0, False)]:
            weights[operand] = weights.get(operand, 0) + (-(1 << shift) if negative else 1 << shift)
        for operand in sorted(weights):
            below, kept = root(operand)
            if words.kind[below] == Kind.INPUT or below in made:
                continue
            if words.kind[below] != Kind.SUM:
                name = Kind(int(words.kind[below])).name.lower()
                fail("NC650", f"a sequential circuit must consist of sums and one-operand functions, not of '{name}'",
                     help="--set printed.style=combinational")  # fmt: skip
            made[below] = visit(below, kept)
            order.append(below)
        terms = tuple((o, w) for o, w in sorted(weights.items()) if w)
        return _Neuron(terms, int(words.p0[node]) if is_sum else 0, stored)

    scores = [visit(int(n), None) for n in words.outputs[0].nodes]
    if threshold is not None:
        scores = [_Neuron((), threshold, None), *scores]
    return [made[n] for n in order] + scores


class _Step:
    """Builds the word graph of one step."""

    def __init__(self, words: WordGraph, neurons: Sequence[_Neuron], labels: Array) -> None:
        self.words, self.neurons, self.labels = words, neurons, labels
        self.new = WordBuilder()
        self.made: dict[int, int] = {}
        # one weight a cycle; a neuron without any takes one cycle for its bias
        self.program = [
            (n, neuron, operand, weight, i == 0, i == max(1, len(neuron.terms)) - 1)
            for n, neuron in enumerate(neurons)
            for i, (operand, weight) in enumerate(neuron.terms or ((-1, 0),))
        ]

    def build(self) -> Folded:
        new, port = self.new, self.words.inputs[0]
        new.layer("ports")
        cycles = len(self.program)
        x = new.input(port.name, port.shape, self.words.lo[port.nodes], self.words.hi[port.nodes],
                      bits=port.bits, signed=port.signed)  # fmt: skip
        self.made.update(zip(port.nodes.tolist(), x.ravel().tolist()))
        low, high = self._span()
        states = {"step": (0, cycles - 1), "sum": (low, high), "best": (low, high), "winner": (0, len(self.labels) - 1)}
        step, total, best, winner = (int(new.input(n, (1,), *span)[0]) for n, span in states.items())
        held = [neuron.stored for neuron in self.neurons if neuron.stored is not None]
        for node in held:
            name = f"neuron_{held.index(node)}"
            states[name] = (int(self.words.lo[node]), int(self.words.hi[node]))
            self.made[node] = int(new.input(name, (1,), *states[name])[0])
        following = self._following(step, total, best, winner, (low, high))
        decided = new.table(following["winner"], self.labels)
        outputs = [new.port("class", np.array([decided]))]
        loops = []
        for name, (bottom, top) in states.items():
            outputs.append(new.port(f"{name}.next", np.array([following[name]])))
            loops.append(Loop(name, f"{name}.next", np.array([min(max(bottom, 0), top)])))
        return Folded(new.build(outputs), tuple(loops), cycles)

    def _span(self) -> tuple[int, int]:
        """The interval of all partial sums."""
        low = high = 0
        for neuron in self.neurons:
            bottom = top = neuron.bias
            low, high = min(low, bottom), max(high, top)
            for operand, weight in neuron.terms:
                ends = sorted((weight * int(self.words.lo[operand]), weight * int(self.words.hi[operand])))
                bottom, top = bottom + ends[0], top + ends[1]
                low, high = min(low, bottom), max(high, top)
        return low, high

    def _following(self, step: int, total: int, best: int, winner: int, span: tuple[int, int]) -> dict[str, int]:
        """The next value of every state."""
        new, program = self.new, self.program
        new.layer("multiply and add")
        operands = sorted({operand for _, _, operand, *_ in program if operand >= 0})
        select = new.table(step, np.array([max(0, operands.index(o)) if o >= 0 else 0 for _, _, o, *_ in program]))
        picked = self._pick(select, [self._value(o) for o in operands])
        weight = new.table(step, np.array([w for *_, w, _, _ in program]))
        first = new.table(step, np.array([int(f) for *_, f, _ in program]))
        bias = new.table(step, np.array([neuron.bias for _, neuron, *_ in program]))
        start = new.mux(first, bias, total)
        following = new.assume(new.sum([Term(start), Term(new.mul(picked, weight))]), *span)
        new.layer("neurons")
        found = {"step": self._count(step), "sum": following}
        held = 0
        for n, neuron in enumerate(self.neurons):
            if neuron.stored is None:
                continue
            end = next(t for t, line in enumerate(program) if line[0] == n and line[-1])
            held_now = self.made[neuron.stored]
            found[f"neuron_{held}"] = new.mux(new.eq(step, None, end), self._activated(neuron, following), held_now)
            held += 1
        new.layer("argmax")
        classes = [n for n, neuron in enumerate(self.neurons) if neuron.stored is None]
        opens = new.table(step, np.array([int(line[0] == classes[0] and line[-1]) for line in program]))
        closes = new.table(step, np.array([int(line[0] in classes and line[-1]) for line in program]))
        number = new.table(step, np.array([classes.index(line[0]) if line[0] in classes else 0 for line in program]))
        beats = new.mux(closes, new.mux(opens, new.const(1), new.ge(following, best, 1)), new.const(0))
        found["best"] = new.mux(beats, following, best)
        found["winner"] = new.mux(beats, number, winner)
        return found

    def _count(self, step: int) -> int:
        last = len(self.program) - 1
        if last == 0:
            return step
        return self.new.mux(self.new.eq(step, None, last), self.new.const(0),
                            self.new.assume(self.new.sum([Term(step)], 1), 1, last))  # fmt: skip

    def _pick(self, select: int, values: Sequence[int]) -> int:
        """values[select], by its bits, low ones first."""
        level, bit = list(values), 0
        while len(level) > 1:
            choose = self.new.bits(select, bit, 1)
            pairs = [self.new.mux(choose, b, a) for a, b in zip(level[::2], level[1::2])]
            level = pairs + ([level[-1]] if len(level) % 2 else [])
            bit += 1
        return level[0] if level else self.new.const(0)

    def _value(self, node: int) -> int:
        """A node of the network over inputs and stored neurons."""
        if node not in self.made:
            below = int(self.words.src[self.words.operands(node)][0])
            self.made[node] = self._apply(node, self._value(below))
        return self.made[node]

    def _activated(self, neuron: _Neuron, total: int) -> int:
        """The functions between a neuron's sum and what is stored, on the running sum."""
        chain = []
        node = neuron.stored
        assert node is not None
        while self.words.kind[node] in CHAIN:
            chain.append(node)
            node = int(self.words.src[self.words.operands(node)][0])
        value = self.new.clamp(total, int(self.words.lo[node]), int(self.words.hi[node])) if not chain else total
        for node in reversed(chain):
            value = self._apply(node, value)
        stored = neuron.stored
        assert stored is not None
        return self.new.clamp(value, int(self.words.lo[stored]), int(self.words.hi[stored]))

    def _apply(self, node: int, value: int) -> int:
        p0, p1 = int(self.words.p0[node]), int(self.words.p1[node])
        kind = Kind(int(self.words.kind[node]))
        if kind == Kind.CLAMP:
            return self.new.clamp(value, p0, p1)
        if kind == Kind.SHR:
            return self.new.shr(value, p0)
        if kind == Kind.BITS:
            return self.new.bits(value, p0, p1)
        return self.new.table(value, self.words.tables[p0], p1)
