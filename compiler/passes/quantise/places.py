"""Where a float graph needs quantisers: which values must be integers, and which operands read them as such."""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.graph import Graph, Value
from nc.ir.ops.abs import Abs
from nc.ir.ops.clip import Clip
from nc.ir.ops.leaky_relu import LeakyRelu
from nc.ir.ops.neg import Neg
from nc.ir.ops.relu import Relu
from nc.ir.ops.unary import RealFunction
from nc.ir.types import BOOL

LAYERS = ("matmul", "conv")
STAY = {"reshape", "transpose", "slice", "gather", "broadcast", "max_pool", "reduce_max", "reduce_min", "relu", "pad"}
_CARRIES = {"add", "sub", "mul", "neg", "reshape", "transpose", "slice", "gather"}
PIECEWISE = (Relu, LeakyRelu, Clip, Abs, Neg)  # integers can compute these exactly


@dataclass(frozen=True)
class Places:
    """`activations`: values to quantise; `operands`: (node, position) that must read the quantised one;
    `weights`, `biases`: (node, position) of float constants; `always`: activations that every reader needs quantised;
    `kept`: activations whose errors a state adds up from step to step.
    """

    activations: frozenset[Value]
    operands: frozenset[tuple[Value, int]]
    weights: frozenset[tuple[Value, int]]
    biases: frozenset[tuple[Value, int]]
    always: frozenset[Value]
    twins: dict[Value, Value]
    kept: frozenset[Value] = frozenset()

    @property
    def empty(self) -> bool:
        return not (self.activations or self.weights)

    def twin(self, value: Value) -> Value:
        """The value whose statistics decide the scale (operands of a sum share theirs)."""
        return self.twins.get(value, value)


def find_places(graph: Graph, ports: frozenset[str], share_sums: bool) -> Places:
    """`ports`: inputs that are integers already. `share_sums`: operands of an addition get one scale (needed when
    scales are arbitrary; powers of two always have a common grid)."""
    exact = _exact(graph, ports)
    activations: set[Value] = set()
    operands: set[tuple[Value, int]] = set()
    weights: set[tuple[Value, int]] = set()
    biases: set[tuple[Value, int]] = set()
    always: set[Value] = set()
    twins: dict[Value, Value] = {}

    def need(reader: Value, position: int) -> None:
        value = graph.nodes[reader].operands[position]
        if not exact[value]:
            activations.add(value)
            operands.add((reader, position))

    for value, node in enumerate(graph.nodes):
        name = node.op.name
        constant = [graph.nodes[o].constant is not None for o in node.operands]
        if name in LAYERS:
            for position in range(2):
                if not constant[position]:
                    if not _quantised_constant(graph, node.operands[position]):
                        need(value, position)
                elif graph.type(node.operands[position]).is_int is False:
                    weights.add((value, position))
        elif name == "add" and any(constant):
            position = constant.index(True)
            layer = graph.nodes[node.operands[1 - position]]
            if layer.op.name in LAYERS and not graph.type(node.operands[position]).is_int:
                biases.add((value, position))
        elif name in ("add", "sub", "minimum", "maximum", "concat") and not any(constant) and share_sums:
            _share(graph, value, exact, need, twins)
        elif name == "mul" and not any(constant):
            need(value, 0)
            need(value, 1)
        elif isinstance(node.op, RealFunction) and not isinstance(node.op, PIECEWISE):
            need(value, 0)
            _quantise_result(graph, value, activations, always)
        elif isinstance(node.op, LeakyRelu):  # a slope such as 0.01 has no short grid of its own
            _quantise_result(graph, value, activations, always)
    kept = _states(graph, exact, activations, always)
    biases = {(v, p) for v, p in biases if _float_layer(graph, v, p, weights)}
    return Places(
        frozenset(activations),
        frozenset(operands),
        frozenset(weights),
        frozenset(biases),
        frozenset(always),
        twins,
        frozenset(kept & activations),
    )


def _states(graph: Graph, exact: list[bool], activations: set[Value], always: set[Value]) -> set[Value]:
    """Quantise what states take next; the values between a state and its next one that add up its errors.

    A state that reaches its next value by sums and products alone (the cell of an LSTM, the hidden state of a GRU)
    carries an error on; one that passes a matrix product or a saturating function does not.
    """
    kept: set[Value] = set()
    for state in graph.states.values():
        value = graph.nodes[state].operands[0]
        if not exact[value] or graph.nodes[value].op.name == "concat":
            activations.add(value)
            always.add(value)
        path, stack = {value}, [value]
        while stack:
            node = graph.nodes[stack.pop()]
            for operand in node.operands if node.op.name in _CARRIES else ():
                if operand not in path:
                    path.add(operand)
                    stack.append(operand)
        if state in path:
            kept |= {v for v in path if v == value or graph.nodes[v].op.name in _CARRIES}
    return kept


def _share(graph: Graph, value: Value, exact: list[bool], need: object, twins: dict[Value, Value]) -> None:
    """Both operands of a sum on the scale that its result needs."""
    for position in range(len(graph.nodes[value].operands)):
        operand = graph.nodes[value].operands[position]
        if not exact[operand]:
            need(value, position)  # type: ignore[operator]
            twins[operand] = value


def _exact(graph: Graph, ports: frozenset[str]) -> list[bool]:
    """Values that are integers of few bits without further quantisers."""
    exact: list[bool] = []
    for node in graph.nodes:
        if node.op.name == "input":
            exact.append(node.op.label in ports or node.type.is_int)  # type: ignore[attr-defined]
        elif node.op.name in ("dequantize", "constant", "state"):  # of states see _states
            exact.append(True)
        elif node.op.name in STAY:
            exact.append(exact[node.operands[0]])
        elif node.op.name == "concat":
            exact.append(all(exact[o] for o in node.operands))
        else:
            truth = node.op.name == "cast" and graph.type(node.operands[0]).element == BOOL
            exact.append(truth or node.type.is_int)
    return exact


def _quantised_constant(graph: Graph, value: Value) -> bool:
    """A constant behind quantisers and layout operations."""
    node = graph.nodes[value]
    if node.constant is not None:
        return True
    return node.op.name in {"quantize", "dequantize", *STAY} and _quantised_constant(graph, node.operands[0])


def _quantise_result(graph: Graph, value: Value, activations: set[Value], always: set[Value]) -> None:
    if not _feeds_quantiser(graph, value):
        activations.add(value)
        always.add(value)


def _feeds_quantiser(graph: Graph, value: Value) -> bool:
    users = graph.users[value]
    return bool(users) and all(graph.nodes[u].op.name in ("quantize", "multi_threshold") for u in users)


def _float_layer(graph: Graph, add: Value, position: int, weights: set[tuple[Value, int]]) -> bool:
    """Is the sum's other operand a layer whose weights are quantised here?"""
    layer = graph.nodes[add].operands[1 - position]
    return (layer, 1) in weights
