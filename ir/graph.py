"""The tensor graph: an immutable, ordered list of nodes in static single assignment form, and its builder.

A value is the index of the node that makes it. Operands precede their node, except for `state`, whose operand may
come later: it is the value one time step ago. Passes read a graph and build another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from nc.ir.diagnostics import InternalError, NcError, Where, fail
from nc.ir.ops.base import Array, Op, Operand, frozen
from nc.ir.ops.constant import Constant
from nc.ir.ops.input import NEAREST, Input
from nc.ir.ops.state import State
from nc.ir.types import Affine, TensorType

Value = int


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its operands' values, its result's type, and the model's node that it comes from."""

    op: Op
    operands: tuple[Value, ...]
    type: TensorType
    origin: str = ""

    @property
    def constant(self) -> Array | None:
        """The data of a constant (sample shape), None for every other node."""
        return self.op.value if isinstance(self.op, Constant) else None


@dataclass(frozen=True)
class Graph:
    """`nodes` in order of evaluation; `outputs` maps names to values, in order; `name` of the model."""

    nodes: tuple[Node, ...]
    outputs: Mapping[str, Value]
    name: str = "model"

    @cached_property
    def inputs(self) -> dict[str, Value]:
        return {n.op.label: v for v, n in enumerate(self.nodes) if isinstance(n.op, Input)}

    @cached_property
    def states(self) -> dict[str, Value]:
        return {n.op.label: v for v, n in enumerate(self.nodes) if isinstance(n.op, State)}

    @cached_property
    def users(self) -> tuple[tuple[Value, ...], ...]:
        """For each value the nodes that read it, ascending."""
        found: list[list[Value]] = [[] for _ in self.nodes]
        for value, node in enumerate(self.nodes):
            for operand in dict.fromkeys(node.operands):
                found[operand].append(value)
        return tuple(tuple(users) for users in found)

    def type(self, value: Value) -> TensorType:
        return self.nodes[value].type

    @property
    def parameters(self) -> int:
        """How many numbers the constants hold."""
        return sum(n.type.size for n in self.nodes if n.constant is not None)

    def __str__(self) -> str:
        from nc.ir.text import to_text

        return to_text(self)[0]

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass
class Builder:
    """Builds a graph node by node; type inference runs at once, so an error names the node that caused it.

    `origin` is attached to every node added while it is set (the model's node that is being translated).
    """

    name: str = "model"
    nodes: list[Node] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)
    origin: str = ""

    def add(self, op: Op, *operands: Value, meaning: Affine | None = None, origin: str | None = None) -> Value:
        """Append an operation and return its value. `meaning` is attached to the inferred type when given."""
        at = self.origin if origin is None else origin
        if op.arity is not None and len(operands) != op.arity:
            raise InternalError(f"{op.name} takes {op.arity} operands, not {len(operands)}")
        try:
            kind = op.infer_type(*(self.operand(v) for v in operands))
        except NcError as error:
            raise NcError(
                replace(d, where=replace(d.where, node=d.where.node or at), op=d.op or self._draft(op, operands))
                for d in error.diagnostics
            ) from None
        if meaning is not None:
            kind = replace(kind, meaning=meaning)
        self.nodes.append(Node(op, tuple(operands), kind, at))
        return len(self.nodes) - 1

    def operand(self, value: Value) -> Operand:
        node = self.nodes[value]
        return Operand(node.type, node.constant)

    def type(self, value: Value) -> TensorType:
        return self.nodes[value].type

    def input(self, label: str, kind: TensorType, rounding: str = NEAREST) -> Value:
        if any(isinstance(n.op, Input) and n.op.label == label for n in self.nodes):
            fail("NC205", f"input '{label}' must be declared once", where=Where(tensor=label))
        return self.add(Input(label, kind, rounding))

    def constant(self, data: Any, kind: TensorType | None = None, *, meaning: Affine | None = None) -> Value:
        """A constant; integer arrays become exact integers with their own range, float arrays 'f32'."""
        return self.add(Constant.of(data, kind), meaning=meaning)

    def state(self, label: str, kind: TensorType, initial: Any) -> Value:
        """A value of the previous time step, `initial` at the first; close it with `feed` before `finish`."""
        if any(isinstance(n.op, State) and n.op.label == label for n in self.nodes):
            fail("NC205", f"state '{label}' must be declared once", where=Where(tensor=label))
        return self.add(State(label, kind, frozen(initial)))

    def feed(self, state: Value, value: Value) -> None:
        """Give a state its next value, which must fit the state's type."""
        node = self.nodes[state]
        if not isinstance(node.op, State):
            raise InternalError("only a state can be fed")
        have, want = self.type(value), node.type
        fits = have.shape == want.shape and have.is_int == want.is_int
        if fits and have.is_int:
            fits = have.int.lo >= want.int.lo and have.int.hi <= want.int.hi
        if not fits:
            fail("NC205", f"state '{node.op.label}' must be fed with {want}, not {have}", where=Where(node=node.origin))
        self.nodes[state] = replace(node, operands=(value,))

    def output(self, label: str, value: Value) -> None:
        self.outputs[label] = value

    def finish(self) -> Graph:
        """The graph, without what no output or state needs (inputs are kept: they are the interface)."""
        for node in self.nodes:
            if isinstance(node.op, State) and not node.operands:
                raise InternalError(f"state '{node.op.label}' was never fed")
        return prune(Graph(tuple(self.nodes), dict(self.outputs), self.name))

    def _draft(self, op: Op, operands: Iterable[Value]) -> str:
        from nc.ir.text import attributes

        args = ", ".join(f"%{v}: {self.nodes[v].type}" for v in operands)
        return f"{op.name}({args}){attributes(op)}"


def prune(graph: Graph) -> Graph:
    """Drop nodes that neither an output nor a live state depends on; inputs stay."""
    live = set(graph.inputs.values()) | set(graph.outputs.values())
    stack = list(live)
    while stack:
        for operand in graph.nodes[stack.pop()].operands:
            if operand not in live:
                live.add(operand)
                stack.append(operand)
    if len(live) == len(graph.nodes):
        return graph
    index = {old: new for new, old in enumerate(sorted(live))}
    nodes = tuple(
        replace(graph.nodes[old], operands=tuple(index[v] for v in graph.nodes[old].operands)) for old in sorted(live)
    )
    return Graph(nodes, {label: index[v] for label, v in graph.outputs.items()}, graph.name)


def rewrite(graph: Graph, visit: Any, *, name: str | None = None) -> Graph:
    """Rebuild a graph node by node: `visit(build, node, operands) -> Value` translates one node.

    Values of the old graph map to those of the new one in order; states are translated first as placeholders and
    fed at the end, so that `visit` never sees them.
    """
    build = Builder(name or graph.name)
    new: dict[Value, Value] = {}
    for value, node in enumerate(graph.nodes):
        build.origin = node.origin
        if isinstance(node.op, State):
            new[value] = build.state(node.op.label, node.op.kind, node.op.initial)
        else:
            new[value] = visit(build, node, tuple(new[v] for v in node.operands))
    for value, node in enumerate(graph.nodes):
        if isinstance(node.op, State):
            build.feed(new[value], new[node.operands[0]])
    for label, value in graph.outputs.items():
        build.output(label, new[value])
    return build.finish()


def keep(build: Builder, node: Node, operands: Sequence[Value]) -> Value:
    """The visitor that copies a node: same operation, same meaning."""
    return build.add(node.op, *operands, meaning=node.type.meaning)
