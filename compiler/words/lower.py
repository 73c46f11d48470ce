"""Lowering: the primitive integer graph to a word graph.

Each tensor becomes an array of node ids, so that layout operations apply their own meaning to the ids. Everything
else is a rule in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc.compiler.words.decisions import Decision, decisions
from nc.compiler.words.matvec import DEFAULTS, MatvecOptions
from nc.compiler.words.rebuild import rebuild
from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.graph import Graph, Node
from nc.ir.ops.constant import Constant
from nc.ir.ops.input import Input
from nc.ir.words import WordBuilder, WordGraph, WordPort
from nc.ir.words.graph import IntArray


@dataclass
class Lowering:
    """A lowering in progress: the builder, and the ids of every value (object-free int64 arrays of sample shape)."""

    graph: Graph
    options: MatvecOptions
    builder: WordBuilder = field(default_factory=WordBuilder)
    ids: dict[int, IntArray] = field(default_factory=dict)
    programs: dict[tuple[object, ...], Any] = field(default_factory=dict)
    decisions: Mapping[int, Decision] = field(default_factory=dict)

    def constant(self, value: int) -> IntArray | None:
        """The data of a graph value that is a constant."""
        return self.graph.nodes[value].constant

    def nodes(self, value: int) -> IntArray:
        """Ids of a value; constants become nodes when first asked for."""
        if value not in self.ids:
            data = np.asarray(self.constant(value), np.int64)
            unique, where = np.unique(data, return_inverse=True)
            made = np.array([self.builder.const(int(v)) for v in unique], np.int64)
            self.ids[value] = made[where].reshape(data.shape)
        return self.ids[value]


Rule = Callable[[Lowering, Node], IntArray]


@dataclass(frozen=True)
class Style:
    """What a technology does in its own way: rules by operation that stand before the shared ones."""

    rules: Mapping[str, Rule] = field(default_factory=dict)


SHARED = Style()


def lower(graph: Graph, options: MatvecOptions = DEFAULTS, style: Style = SHARED) -> WordGraph:
    """A word graph with the same function, ports in the graph's order, and a probe for each layer."""
    from nc.compiler.words.rules import LAYOUT, RULES, decide

    rules = {**RULES, **style.rules}
    state = Lowering(graph, options)
    builder = state.builder
    spared: frozenset[int] = frozenset()
    if options.argmax_differences:
        state.decisions, spared = decisions(graph)
    for value, node in enumerate(graph.nodes):
        if value in spared:
            continue
        if isinstance(node.op, Input):
            kind = node.type.int
            state.ids[value] = builder.input(
                node.op.label, node.type.shape, kind.lo, kind.hi, bits=kind.bits, signed=kind.signed
            )
        elif isinstance(node.op, Constant):
            continue
        else:
            if node.op.name not in LAYOUT:
                builder.layer(layer_name(graph, value))
            state.ids[value] = decide(state, value) if value in state.decisions else rules[node.op.name](state, node)
            for element in set(state.ids[value].ravel().tolist()):
                builder.assume(element, node.type.int.lo, node.type.int.hi)
    outputs = [_port(state, label, value) for label, value in graph.outputs.items()]
    return rebuild(builder.build(outputs, _probes(state, LAYOUT)))


def layer_name(graph: Graph, value: int) -> str:
    """The module that a value's operations go to: the model's node, or the operation."""
    node = graph.nodes[value]
    return node.origin or f"{node.op.name}{value}"


def unsupported(graph: Graph) -> list[Diagnostic]:
    """Every node without a rule."""
    from nc.compiler.words.rules import RULES

    known = {*RULES, "input", "constant"}
    return [
        Diagnostic(
            "NC608",
            f"operation '{node.op.name}' must be one that spatial hardware can compute",
            Where(node=node.origin),
            op=node.op.name,
            help="a recurrent network needs a target that steps through time" if node.op.name == "state" else "",
        )
        for node in graph.nodes
        if node.op.name not in known
    ]


def _port(state: Lowering, label: str, value: int) -> WordPort:
    kind = state.graph.type(value).int
    return state.builder.port(label, state.nodes(value), bits=kind.bits, signed=kind.signed)


def _probes(state: Lowering, layout: Mapping[str, object]) -> dict[str, WordPort]:
    """The last value of each of the model's nodes; unnamed ones by number."""
    last: dict[str, int] = {}
    graph = state.graph
    for value, node in enumerate(graph.nodes):
        if value in state.ids and not isinstance(node.op, (Input, Constant)):
            last[node.origin or f"%{value}"] = value
    found: dict[str, WordPort] = {}
    for name, value in last.items():
        if graph.nodes[value].op.name not in layout:
            found[name] = _port(state, name, value)
    return found


def broadcast(arrays: Sequence[IntArray]) -> list[IntArray]:
    """Line up samples' trailing axes, as numpy does."""
    return [np.asarray(a) for a in np.broadcast_arrays(*arrays)]
