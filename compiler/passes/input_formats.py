"""format-inputs: features of a classical model arrive each in its own format, and scalers vanish into it.

A vector of features that constants scale and shift before anything else reads it (StandardScaler, MinMaxScaler) is
quantised behind the scaler, with one scale for all; the port's integers are those, so each feature has its own scale
and offset, and the scaler costs nothing. Features of very different size that meet a matrix product as they are get
such a scaler, of powers of two, and the weights take it back. Decision trees: see threshold_formats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from nc.compiler.config import QuantiseSection
from nc.compiler.passes.integerize import Port
from nc.compiler.passes.integerize.rules.trees import last_below
from nc.compiler.passes.quantise import port_of
from nc.compiler.passes.threshold_formats import threshold_port
from nc.ir.graph import Builder, Graph, Node, Value, keep, rewrite
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.mul import Mul
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.sub import Sub
from nc.ir.ops.tree_ensemble import TreeEnsemble
from nc.ir.types import F32, Affine

ALIKE = 8  # features share a scale where the smallest spread is at least the largest size by this: at most 3 bits less
Line = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Scaled:
    """`value` is lines[f][0] * feature + lines[f][1] of an input, read by `readers`."""

    value: Value
    lines: tuple[Line, ...]
    readers: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Formatted:
    """Behind `scaled.value`: minus `centre`, times `factor`, then the quantiser of `port`."""

    scaled: Scaled
    port: Port
    centre: Array | None = None
    factor: Array | None = None


@dataclass(frozen=True, eq=False)
class FormatInputs:
    """Puts the quantisers of `formats` behind the scalers."""

    formats: tuple[Formatted, ...] = field(default=())

    name = "format-inputs"
    consumes = "float"
    produces = "float"

    def run(self, graph: Graph) -> Graph:
        if not self.formats:
            return graph
        return rewrite(graph, _Insertion(graph, self.formats).visit)


def scaled_input(graph: Graph, value: Value) -> Scaled | None:
    """The features behind their scaler; None where the input is no vector of real features."""
    kind = graph.type(value)
    if kind.element != F32 or kind.rank != 1 or not graph.users[value]:
        return None
    lines: tuple[Line, ...] = ((Fraction(1), Fraction(0)),) * kind.shape[0]
    at = value
    while len(set(graph.users[at])) == 1:
        reader = graph.users[at][0]
        node = graph.nodes[reader]
        step = _line(graph, node, at)
        if step is None or node.type.shape != kind.shape:
            break
        lines = tuple((a * p, b * p + o) for (a, b), (p, o) in zip(lines, step, strict=True))
        at = reader
    if min(a for a, _ in lines) <= 0:
        at, lines = value, ((Fraction(1), Fraction(0)),) * kind.shape[0]
    return Scaled(at, lines, tuple(sorted(set(graph.users[at])))) if graph.users[at] else None


def _line(graph: Graph, node: Node, at: Value) -> list[Line] | None:
    """What a sum, difference, product or quotient with a constant does to each feature."""
    if node.op.name not in ("add", "sub", "mul", "div") or node.operands[0] != at and node.op.name in ("sub", "div"):
        return None
    other = node.operands[1] if node.operands[0] == at else node.operands[0]
    data = graph.nodes[other].constant
    if data is None or graph.type(other).is_int or data.ndim > 1 or not np.all(np.isfinite(data)):
        return None
    if node.op.name == "div" and not np.all(data):
        return None
    numbers = [Fraction(float(v)) for v in np.broadcast_to(data, graph.type(at).shape)]
    lines: dict[str, Callable[[Fraction], tuple[Fraction, Fraction]]] = {
        "add": lambda v: (Fraction(1), v),
        "sub": lambda v: (Fraction(1), -v),
        "mul": lambda v: (v, Fraction(0)),
        "div": lambda v: (1 / v, Fraction(0)),
    }
    return [lines[node.op.name](v) for v in numbers]


def format_of(
    graph: Graph, value: Value, section: QuantiseSection, data: Array | None, bits: int | None
) -> tuple[Port, Formatted | None] | None:
    """The port of an input of features, and what goes into the graph for it; None where one scale for all will do.

    `bits`: of the port, where they are given.
    """
    scaled = scaled_input(graph, value)
    if scaled is None:
        return None
    readers = [graph.nodes[r] for r in scaled.readers]
    if all(isinstance(n.op, TreeEnsemble) for n in readers):
        edges = _edges(scaled, [n.op for n in readers if isinstance(n.op, TreeEnsemble)])
        return threshold_port(edges, data, bits or section.input_bits), None
    if data is None:
        return None
    a, b = (np.array([float(line[side]) for line in scaled.lines]) for side in range(2))
    seen = data * a + b
    products = all(_product(graph, n, scaled.value) for n in readers)
    centre, factor = _alike(seen) if products else (None, None)
    if factor is None and scaled.value == value:
        return None
    if factor is not None and centre is not None:
        seen = (seen - centre) * factor
    if bits is not None:
        section = section.model_copy(update={"input_bits": bits})
    plain = port_of(section, seen)
    return _port(scaled, plain, centre, factor), Formatted(scaled, plain, centre, factor)


def _edges(scaled: Scaled, ops: list[TreeEnsemble]) -> list[Array]:
    """Between which numbers of each feature the trees tell apart."""
    found: list[set[Fraction]] = [set() for _ in scaled.lines]
    for op in ops:
        for feature, threshold in zip(op.features.tolist(), op.thresholds.tolist(), strict=True):
            a, b = scaled.lines[feature]
            found[feature].add((last_below(threshold, op.single)[0] - b) / a)
    return [np.array(sorted({float(e) for e in edges})) for edges in found]


def _product(graph: Graph, node: Node, value: Value) -> bool:
    return node.op.name == "matmul" and node.operands[0] == value and _weights(graph, node) is not None


def _weights(graph: Graph, node: Node) -> Array | None:
    data = graph.nodes[node.operands[1]].constant
    if data is None or data.ndim != 2 or graph.type(node.operands[1]).is_int or not np.all(np.isfinite(data)):
        return None
    return data


def _alike(seen: Array) -> tuple[Array | None, Array | None]:
    """(centre, factor) that bring features to like sizes; factors are powers of two. (None, None): they are."""
    low, high = seen.min(axis=0), seen.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    centre = np.where((high - low > 0) & (high - low < size / 2), np.rint((low + high) / 2), 0.0)
    spread = np.maximum(np.abs(low - centre), np.abs(high - centre))
    live = spread[spread > 0]
    if not live.size or size.max() <= ALIKE * live.min():
        return None, None
    return centre, np.exp2(-np.ceil(np.log2(np.where(spread > 0, spread, 1.0))))


def _port(scaled: Scaled, plain: Port, centre: Array | None, factor: Array | None) -> Port:
    """The same integers as numbers of the input: x = (((q - zero_point) * scale / factor + centre) - b) / a."""
    scales, offsets = [], []
    for f, (a, b) in enumerate(scaled.lines):
        c = Fraction(float(factor[f])) if factor is not None else Fraction(1)
        m = Fraction(float(centre[f])) if centre is not None else Fraction(0)
        scales.append(plain.scale / c / a)
        offsets.append((m - plain.zero_point * plain.scale / c - b) / a)
    return Port.of_channels(plain.lo, plain.hi, Affine(tuple(scales), tuple(offsets), 0))


class _Insertion:
    """Rewrites the nodes around the quantisers."""

    def __init__(self, graph: Graph, formats: tuple[Formatted, ...]) -> None:
        self.graph = graph
        self.index = {id(node): value for value, node in enumerate(graph.nodes)}
        self.at = {f.scaled.value: f for f in formats}
        self.shifts: dict[Value, Array] = {}  # of matrix products: what their bias takes over
        for made in formats:
            for reader in made.scaled.readers if made.centre is not None and np.any(made.centre) else ():
                weights = _weights(graph, graph.nodes[reader])
                if weights is not None and made.centre is not None:
                    self.shifts[reader] = made.centre @ weights
        self.biased = {r: self._bias(r) for r in self.shifts}

    def _bias(self, product: Value) -> Value | None:
        """The sum with a constant that is all that reads a product."""
        users = set(self.graph.users[product])
        if len(users) != 1 or product in self.graph.outputs.values():
            return None
        (user,) = users
        node = self.graph.nodes[user]
        constant = [o for o in node.operands if self.graph.nodes[o].constant is not None]
        return user if node.op.name == "add" and len(constant) == 1 else None

    def visit(self, build: Builder, node: Node, operands: tuple[Value, ...]) -> Value:
        value = self.index[id(node)]
        source = self.at.get(node.operands[0]) if node.operands else None
        if source is not None and source.factor is not None and value in source.scaled.readers:
            weights = _weights(self.graph, node)
            assert weights is not None
            operands = (operands[0], build.constant(weights / source.factor[:, None]))
        for product, bias in self.biased.items():
            if bias == value:
                side = next(i for i, o in enumerate(node.operands) if self.graph.nodes[o].constant is not None)
                shifted = build.constant(build.nodes[operands[side]].constant + self.shifts[product])
                operands = tuple(shifted if i == side else o for i, o in enumerate(operands))
        made = keep(build, node, operands)
        if value in self.shifts and self.biased[value] is None:
            made = build.add(Add(), made, build.constant(self.shifts[value]))
        return self._quantised(build, made, self.at[value]) if value in self.at else made

    def _quantised(self, build: Builder, value: Value, made: Formatted) -> Value:
        if made.centre is not None and np.any(made.centre):
            value = build.add(Sub(), value, build.constant(made.centre))
        if made.factor is not None:
            value = build.add(Mul(), value, build.constant(made.factor))
        scale, zero = np.asarray(float(made.port.scale)), np.asarray(made.port.zero_point, np.int64)
        quantised = build.add(Quantize(scale, zero, made.port.lo, made.port.hi, "half_even"), value)
        return build.add(Dequantize(scale, zero), quantised)
