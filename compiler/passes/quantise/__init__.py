"""quantise: post-training quantisation: a float graph gets quantisers, from calibration data.

Quantisers are put where integers are needed: at the inputs, in front of every matrix product and convolution, around
smooth functions, and where a state is made. What the model has quantised itself stays as it is. Zero points are 0:
activations are unsigned behind a rectifier and symmetric elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from nc.compiler.config import QuantiseSection
from nc.compiler.passes.integerize import Port
from nc.compiler.passes.integerize.states import Grid, grid_of
from nc.compiler.passes.quantise.bias import correct_biases
from nc.compiler.passes.quantise.places import STAY, Places, find_places
from nc.compiler.passes.quantise.rounding import moments, rounded
from nc.compiler.passes.quantise.scales import activation_scale, weight_scale
from nc.compiler.passes.quantise.statistics import Statistics, observe
from nc.ir.diagnostics import Diagnostic, Where, fail, suggest
from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.base import Array, frozen
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.input import Input
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.state import State
from nc.ir.types import bits_for, natural_range

BIAS_BITS = 32
REAL_INPUT_BITS = {"power_of_two": 2, "arbitrary": 4}  # more than activations: no layer averages this error out


@dataclass(frozen=True)
class Quantise:
    """`calibration`: inputs by name, (N, *shape). `ports`: inputs whose integers are given already."""

    section: QuantiseSection
    calibration: Mapping[str, Array]
    ports: Mapping[str, Port]

    name = "quantise"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        places = find_places(
            graph,
            frozenset(name for name, port in self.ports.items() if port.uniform),
            self.section.scales == "arbitrary",
        )
        if places.empty:
            return graph
        _named(graph, self.section.layers)
        seen = observe(graph, self.calibration, {places.twin(v) for v in places.activations})
        layers = {v for v, position in places.weights if position == 1}
        inputs = moments(graph, self.calibration, layers) if self.section.rounding == "output" else {}
        done = insert(graph, Plan(places, seen, inputs, self.section, self.ports))
        if self.section.bias_correction and places.biases:
            done = correct_biases(graph, done, places, self.calibration, self.ports)
        return done


def added(graph: Graph, section: QuantiseSection) -> list[Diagnostic]:
    """A warning where a model that quantises itself gets quantisers from calibration data beside its own."""
    if not any(isinstance(node.op, Quantize) for node in graph.nodes):
        return []
    places = find_places(graph, frozenset(graph.inputs), section.scales == "arbitrary")
    nodes = [graph.nodes[value] for value in sorted(places.activations)]
    if not nodes:
        return []
    shown = ", ".join(f"'{n.origin or n.op.name}'" for n in nodes[:3]) + (", ..." if len(nodes) > 3 else "")
    return [
        Diagnostic(
            "NC315",
            f"results that the model does not quantise are rounded to {section.activation_bits} bits: {shown}",
            Where(node=nodes[0].origin),
            help="their scales come from the calibration data; 'nc explain NC315' says when they can be exact",
            severity="warning",
        )
    ]


def _named(graph: Graph, layers: Iterable[str]) -> None:
    """NC312 for names of layers that the model does not have: their options would do nothing."""
    known = sorted({node.origin for node in graph.nodes if node.origin})
    if unknown := [name for name in layers if name not in known]:
        fail("NC312", f"'{unknown[0]}' in quantise.layers must be the name of a node of the model",
             help=suggest(unknown[0], known) or "nc inspect MODEL lists the nodes")  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """All that decides the quantisers: where, what was seen there, the layers' input moments, options, ports."""

    places: Places
    seen: Mapping[Value, Statistics]
    moments: Mapping[Value, list[Array]]
    section: QuantiseSection
    ports: Mapping[str, Port]


def insert(graph: Graph, plan: Plan) -> Graph:
    """Insert the quantisers. Each new value stands for the quantised old one wherever integers are needed."""
    index = {id(node): value for value, node in enumerate(graph.nodes)}
    quantised: dict[Value, Value] = {}
    places, section = plan.places, plan.section

    def visit(build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
        value = index[id(node)]
        wanted = []
        for position, (old, new) in enumerate(zip(node.operands, operands, strict=True)):
            if (value, position) in places.weights:
                new = _weights(build, graph, value, new, plan)
            elif (value, position) in places.biases:
                new = _bias(build, position, operands, new, plan.ports)
            elif (value, position) in places.operands:
                new = quantised.get(old, new)
            wanted.append(new)
        result = keep(build, node, wanted)
        if value in places.activations:
            layer = section.layers.get(node.origin)
            usual = section.activation_bits + (section.state_bits if value in places.kept else 0)
            bits = (layer and layer.activation_bits) or usual
            statistics = plan.seen[places.twin(value)]
            signed = statistics.lo < 0
            scale = np.asarray(activation_scale(statistics, bits, signed, section))
            quantised[value] = _around(build, result, scale, *natural_range(bits, signed))
            if value in places.always:
                return quantised[value]
        return result

    return _begun(rewrite(graph, visit))


def _begun(graph: Graph) -> Graph:
    """Initial values of states rounded to the quantisers that make their next ones."""

    def rounded_to(grid: Grid, initial: Array) -> Array:
        kind, scale, zero = grid
        return (np.clip(np.rint(initial / float(scale)) + zero, kind.lo, kind.hi) - zero) * float(scale)

    nodes = list(graph.nodes)
    for state in graph.states.values():
        op, grid = nodes[state].op, grid_of(graph, state, {})
        if isinstance(op, State) and grid is not None:
            nodes[state] = replace(nodes[state], op=replace(op, initial=frozen(rounded_to(grid, op.initial))))
    return replace(graph, nodes=tuple(nodes))


def _around(build: Builder, value: Value, scale: Array, lo: int, hi: int, rounding: str = "half_up") -> Value:
    zero = np.zeros((), np.int64)
    return build.add(Dequantize(scale, zero), build.add(Quantize(scale, zero, lo, hi, rounding), value))


def _weights(build: Builder, graph: Graph, layer: Value, value: Value, plan: Plan) -> Value:
    node, section = graph.nodes[layer], plan.section
    own = section.layers.get(node.origin)
    bits = (own and own.weight_bits) or section.weight_bits
    granularity = (own and own.granularity) or section.granularity
    data = build.nodes[value].constant
    assert data is not None
    axis = None if granularity == "tensor" else 0 if node.op.name == "conv" else data.ndim - 1
    scale = weight_scale(data, bits, axis, section)
    lo, hi = natural_range(bits, True) if bits > 1 else (-1, 1)
    lo = max(lo, -hi)
    if layer in plan.moments:
        value = build.constant(rounded(data, scale, lo, hi, plan.moments[layer], conv=node.op.name == "conv"))
    return _around(build, value, scale, lo, hi, "half_even")


def _bias(build: Builder, position: int, operands: tuple[Value, ...], value: Value, ports: Mapping[str, Port]) -> Value:
    """Quantise a bias on the grid of the accumulator that it is added to."""
    layer = build.nodes[operands[1 - position]]
    activation, weights = (_step(build, o, ports) for o in layer.operands[:2])
    if activation is None or weights is None or activation.size > 1:
        return value
    grid = weights.reshape(-1) * activation
    if grid.size > 1 and layer.op.name == "conv":
        grid = grid.reshape(-1, *(1,) * (layer.type.rank - 1))
    grid = grid.reshape(()) if grid.size == 1 else grid
    return _around(build, value, grid, *natural_range(BIAS_BITS, True), "half_even")


def _step(build: Builder, value: Value, ports: Mapping[str, Port]) -> Array | None:
    """The scale of the integers below a value, through what moves them only; None when it has none."""
    node = build.nodes[value]
    while node.op.name in STAY:
        node = build.nodes[node.operands[0]]
    if isinstance(node.op, Dequantize):
        return node.op.scale
    if isinstance(node.op, Input) and node.op.label in ports and ports[node.op.label].uniform:
        return np.asarray(float(ports[node.op.label].scale))
    return None


def port_of(section: QuantiseSection, data: Array) -> Port:
    """The integers at an input, from calibration data: as they are when whole, else a scale that covers them."""
    lo, hi = float(data.min()), float(data.max())
    if np.array_equal(data, np.rint(data)) and max(-lo, hi) < 2**16 and section.input_bits is None:
        return Port(*natural_range(bits_for(int(lo), int(hi)), lo < 0))
    bits = section.input_bits or section.activation_bits + REAL_INPUT_BITS[section.scales]
    scale = activation_scale(Statistics.of(data), bits, lo < 0, section)
    return Port(*natural_range(bits, lo < 0), Fraction(scale))
