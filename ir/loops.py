"""A network with memory as one acyclic step: every state becomes an input, and the value that it takes next an output.

Hardware is laid out for the step; registers outside of it close the loops.
"""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.graph import Builder, Graph, Value, keep
from nc.ir.ops.base import Array
from nc.ir.ops.state import State


@dataclass(frozen=True, eq=False)
class Loop:
    """One state of a network: the input port that carries it into a step, the output port that carries it on, and
    what it is at reset (sample shape)."""

    state: str
    following: str
    initial: Array


def open_loops(graph: Graph) -> tuple[Graph, tuple[Loop, ...]]:
    """The graph of one step, with ports 'label' and 'label.next' a state, and its loops; `graph` itself without states.

    Labels that are ports already get a tick.
    """
    if not graph.states:
        return graph, ()
    build = Builder(graph.name)
    taken = {*graph.inputs, *graph.outputs}
    new: dict[Value, Value] = {}
    loops: list[tuple[Loop, Value]] = []
    for value, node in enumerate(graph.nodes):
        build.origin = node.origin
        if not isinstance(node.op, State):
            new[value] = keep(build, node, tuple(new[v] for v in node.operands))
            continue
        label = node.op.label
        while label in taken or f"{label}.next" in taken:
            label += "'"
        taken |= {label, f"{label}.next"}
        new[value] = build.input(label, node.type)
        loops.append((Loop(label, f"{label}.next", node.op.initial), node.operands[0]))
    for name, value in graph.outputs.items():
        build.output(name, new[value])
    for loop, value in loops:
        build.output(loop.following, new[value])
    return build.finish(), tuple(loop for loop, _ in loops)
