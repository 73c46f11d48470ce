"""integerize: the float graph with its quantisers becomes a graph of exact integers: the truth of the project.

Scales and offsets are fractions, never floats: the result equals the exact rational evaluation of the model's
constants. A quantised activation becomes the exact staircase of the integers before it; what lies between two
quantisers (bias, batch norm, rectifier) vanishes into its edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nc.compiler.passes.integerize import align, states
from nc.compiler.passes.integerize.input_port import Port
from nc.compiler.passes.integerize.numbers import Form, Known, Number, Whole
from nc.compiler.passes.integerize.rules import find_rule, need_number
from nc.compiler.passes.integerize.translation import Translation
from nc.compiler.yaml_text import advised
from nc.ir.diagnostics import Collector, Diagnostic, NcError, Where
from nc.ir.graph import Builder, Graph, Value
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.input import NEAREST, SIGN, Input
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.state import State
from nc.ir.ops.transpose import Transpose
from nc.ir.simplest import scale_of
from nc.ir.types import BIPOLAR, F32, IntType, TensorType


@dataclass(frozen=True)
class Integerize:
    """`ports`: input ports by name; one without an entry takes the grid of the quantiser it feeds.

    `output`: 'argmax' gives the index of the largest number, anything else integers, with one scale for the tensor
    where there is one.
    """

    ports: Mapping[str, Port] = field(default_factory=dict)
    output: str = "auto"

    name = "integerize"
    consumes = "float"
    produces = "integer"

    def run(self, graph: Graph) -> Graph:
        """Raises NcError with every node that cannot be translated (those that depend on one are not repeated)."""
        build, found = Builder(graph.name), Collector()
        forms: dict[Value, Form | None] = {}
        computed: dict[Any, Any] = {}
        for value, node in enumerate(graph.nodes):
            build.origin = node.origin
            late = isinstance(node.op, State)  # its operand comes after it
            operands = [] if late else [forms[o] for o in node.operands]
            if any(o is None for o in operands):
                forms[value] = None
                continue
            shape = graph.type(node.operands[0]).shape if node.operands else node.type.shape
            translation = Translation(build, node, shape, computed)
            try:
                if isinstance(node.op, State):
                    forms[value] = states.begin(translation, graph, value, self.ports)
                elif isinstance(node.op, Input):
                    forms[value] = self._input(translation, graph, value)
                else:
                    forms[value] = find_rule(translation)(translation, node.op, [o for o in operands if o is not None])
            except NcError as error:
                found.extend(error.diagnostics)
                forms[value] = None
        found.raise_if_any()
        for value in graph.states.values():
            build.origin = graph.nodes[value].origin
            state, following = forms[value], forms[graph.nodes[value].operands[0]]
            if state is not None and following is not None:
                states.finish(Translation(build, graph.nodes[value], computed=computed), state, following)
        for label, value in graph.outputs.items():
            form = forms[value]
            if form is not None:
                build.origin = graph.nodes[value].origin
                self._output(Translation(build, graph.nodes[value], computed=computed), label, form)
        _remember(build, graph, forms)
        return build.finish()

    def _input(self, t: Translation, graph: Graph, value: Value) -> Form:
        node = graph.nodes[value]
        label, kind = node.op.label, node.type  # type: ignore[attr-defined]
        if kind.is_int:
            return Whole(t.build.input(label, kind))
        port = self.ports.get(label) or quantiser_port(graph, value)
        if port is None or kind.element != F32:
            raise NcError(
                Diagnostic(
                    "NC307",
                    f"input '{label}' must have a quantiser, port options, or calibration data",
                    Where(tensor=label),
                    help=f"for example {advised('input', label, 'bits', value='8')} "
                    f"{advised('input', label, 'scale', value='1/255')}, or --calib data.npz",
                )
            )
        meaning = port.meaning
        element = BIPOLAR if (port.lo, port.hi) == (-1, 1) and _bipolar(graph, value) else IntType(port.lo, port.hi)
        port_value = t.build.input(label, TensorType(kind.shape, element, meaning), port.rounding)
        return Number(port_value, meaning.scale, meaning.offset, meaning.axis)

    def _output(self, t: Translation, label: str, form: Form) -> None:
        if isinstance(form, Whole):
            t.build.output(label, form.value)
            return
        number = self._comparable(t, align.settled(t, need_number(t, form)))
        if self.output == "argmax" and not isinstance(t.node.op, ArgMax):
            rank = t.build.type(number.value).rank
            flat = number.value if rank == 1 else t.build.add(Reshape((t.build.type(number.value).size,)), number.value)
            t.build.output(label, t.build.add(ArgMax(0, False), flat))
            return
        last = t.build.nodes[number.value]
        if isinstance(form, Known) or isinstance(last.op, Input) or last.type.meaning not in (None, number.meaning):
            shape = last.type.shape
            t.build.output(label, t.build.add(Reshape(shape), number.value, meaning=number.meaning))
            return
        t.build.nodes[number.value] = replace(last, type=replace(last.type, meaning=number.meaning))
        t.build.output(label, number.value)

    def _comparable(self, t: Translation, number: Number) -> Number:
        """One rising scale for the tensor, so that its integers compare as the reals do.

        Logits whose channels have scales without a common grid in 64 bits (a batch norm at the output) keep a scale
        a channel: still exact, but to be compared as the reals they stand for, which the hardware leaves to its host.
        """
        try:
            number = align.uniform(t, number)
        except NcError as error:
            if self.output == "argmax" or not {d.code for d in error.diagnostics} <= {"NC203", "NC304"}:
                raise
        return align.rising(t, number)


__all__ = ["Integerize", "Port", "quantiser_port"]


def _port_rounding(op: Quantize) -> str:
    """The quantiser's rounding as an input's: NEAREST where it is the nearest integer plus the zero point."""
    if op.bipolar:
        return SIGN
    plain = "half_odd" if int(op.zero_point.ravel()[0]) % 2 else "half_even"
    return NEAREST if op.rounding == plain else op.rounding


def quantiser_port(graph: Graph, value: Value) -> Port | None:
    """The grid of the one quantiser that reads an input, or None. Layout between them does not matter."""
    readers, users = list(graph.users[value]), []
    while readers:
        reader = readers.pop()
        op = graph.nodes[reader].op
        if isinstance(op, (Reshape, Transpose)) and graph.users[reader]:
            readers += graph.users[reader]
        else:
            users.append(op)
    if not users or not all(isinstance(u, Quantize) and u == users[0] for u in users):
        return None
    op = users[0]
    if not isinstance(op, Quantize) or op.scale.size != 1 or op.zero_point.size != 1:
        return None
    scale, zero_point = scale_of(op.scale.ravel()[0]), int(op.zero_point.ravel()[0])
    return Port(op.lo, op.hi, scale, zero_point, _port_rounding(op))


def _bipolar(graph: Graph, value: Value) -> bool:
    return any(isinstance(graph.nodes[u].op, Quantize) and graph.nodes[u].op.bipolar for u in graph.users[value])  # type: ignore[attr-defined]


def _remember(build: Builder, graph: Graph, forms: Mapping[Value, Form | None]) -> None:
    """Note on each layer's integers what they stand for, so that they can be compared with the float graph's."""
    for value, node in enumerate(graph.nodes):
        form = forms.get(value)
        if not isinstance(form, Number) or not form.linear or not node.origin:
            continue
        ours = build.nodes[form.value]
        mine = ours.origin == node.origin and ours.type.shape == node.type.shape and ours.constant is None
        if mine and form.value not in build.outputs.values() and not isinstance(ours.op, Input | State):
            build.nodes[form.value] = replace(ours, type=replace(ours.type, meaning=form.meaning))
