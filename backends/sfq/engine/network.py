"""What the engine runs: a chain of binary layers, read from the primitive graph as XNOR-popcount thresholds.

An activation is x = base + step b, a weight +1 or -1. With c = popcount(xnor(w, b)) and m = number of negative weights,

    sum w x = base sum(w) + step (c - m),

so every comparison of a sum is a comparison [c >= theta], and an arg-max over sums is one over c + offset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc.ir.diagnostics import Collector, Diagnostic, NcError, Where
from nc.ir.graph import Graph, Node
from nc.ir.ops.multi_threshold import MultiThreshold

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Layer:
    """`weights` (O, n) bool, True for +1; hidden layers: `theta` (O,), 0 <= theta <= n + 1, neuron = [c >= theta];
    the last layer: the decision is the lowest index of the largest c + `theta` (offsets >= 0 there)."""

    name: str
    weights: Array = field(repr=False)
    theta: Array = field(repr=False)

    @property
    def inputs(self) -> int:
        return int(self.weights.shape[1])

    @property
    def outputs(self) -> int:
        return int(self.weights.shape[0])


@dataclass(frozen=True)
class BinaryNetwork:
    """`layers` in order; input bit i is [element i of port `port` >= `threshold`]; the last layer decides."""

    port: str
    shape: tuple[int, ...]
    threshold: int
    layers: tuple[Layer, ...]
    output: str

    def bits(self, x: Array) -> Array:
        """(N, *shape) integers -> (N, n) input bits."""
        return np.asarray(x.reshape(len(x), -1) >= self.threshold, np.uint8)

    @property
    def operations(self) -> int:
        """XNORs of one inference."""
        return sum(layer.weights.size for layer in self.layers)


@dataclass(frozen=True)
class _Bits:
    base: int
    step: int


@dataclass(frozen=True)
class _Sums:
    node: Node
    weights: Array
    bias: Array
    source: _Bits


class _Reader:
    """Walks a chain of nodes; anything else is collected as NC806."""

    def __init__(self, graph: Graph):
        self.graph, self.found = graph, Collector()
        self.values: dict[int, _Bits | _Sums | str] = {}
        self.layers: list[Layer] = []
        self.threshold: int | None = None

    def wrong(self, node: Node, message: str, help: str = "") -> None:
        self.found.error("NC806", f"the sfq engine runs binary layers one after the other: {message}",
                         where=Where(node=node.origin), op=node.op.name, help=help)  # fmt: skip

    def run(self) -> BinaryNetwork:
        if len(self.graph.inputs) != 1 or len(self.graph.outputs) != 1:
            self.found.error("NC806", "the sfq engine runs networks with one input and one output, "
                             f"not {len(self.graph.inputs)} and {len(self.graph.outputs)}")  # fmt: skip
            self.found.raise_if_any()
        for value, node in enumerate(self.graph.nodes):
            if node.constant is not None:
                continue
            handler = _HANDLERS.get(node.op.name)
            if handler is None:
                self.wrong(node, f"operation '{node.op.name}' must not be there", "--set sfq.style=unrolled takes it")
                self.found.raise_if_any()
                continue
            made = handler(self, node, value)
            self.found.raise_if_any()
            if made is not None:
                self.values[value] = made
        ((label, output),) = self.graph.outputs.items()
        if self.values.get(output) != "decided":
            text = f"output '{label}' must be the arg-max of the last layer"
            self.found.error("NC806", f"the sfq engine decides by a race of its counters: {text}",
                             help="--set output=argmax")  # fmt: skip
        self.found.raise_if_any()
        (port,) = self.graph.inputs
        kind = self.graph.type(self.graph.inputs[port])
        low = kind.int.hi if self.threshold is None else self.threshold
        return BinaryNetwork(port, tuple(kind.shape), low, tuple(self.layers), label)

    def operand(self, node: Node) -> _Bits | _Sums | str:
        return next(self.values[v] for v in node.operands if self.graph.nodes[v].constant is None)

    def on_input(self, node: Node, value: int) -> _Bits | str:
        kind = node.type.int
        two = kind.hi - kind.lo == kind.step
        return _Bits(kind.lo, kind.step) if two else "raw"

    def on_reshape(self, node: Node, value: int) -> _Bits | _Sums | str:
        return self.operand(node)

    def on_threshold(self, node: Node, value: int) -> _Bits | None:
        op, source = node.op, self.operand(node)
        assert isinstance(op, MultiThreshold)
        if op.thresholds.shape[1] != 1 or op.step <= 0:
            self.wrong(node, f"activations must be one bit, not {op.thresholds.shape[1] + 1} levels")
            return None
        if source == "raw":
            if len(op.thresholds) != 1 or op.sign[0] < 0:
                self.wrong(node, "input bits must come from one threshold for all elements")
                return None
            self.threshold = int(op.thresholds[0, 0])
        elif isinstance(source, _Sums):
            self._hidden(node, source, op)
        else:
            self.wrong(node, "a threshold must follow a matrix product or the input")
        return _Bits(op.base, op.step)

    def _hidden(self, node: Node, sums: _Sums, op: MultiThreshold) -> None:
        outputs, n = sums.weights.shape
        edge = np.broadcast_to(op.thresholds[:, 0], outputs) - sums.bias
        sign = np.broadcast_to(op.sign, outputs)
        weights, edge = sums.weights * sign[:, None], edge * sign  # w x <= t is -w x >= -t
        base, step = sums.source.base, sums.source.step
        low = edge - base * weights.sum(axis=1)
        theta = -(-low // step) + (weights < 0).sum(axis=1)
        self.layers.append(Layer(sums.node.origin, weights > 0, np.clip(theta, 0, n + 1)))

    def on_matmul(self, node: Node, value: int) -> _Sums | None:
        source, weights = self.operand(node), self.graph.nodes[node.operands[1]].constant
        if not isinstance(source, _Bits) or weights is None or weights.ndim != 2 or len(node.type.shape) != 1:
            self.wrong(node, "a matrix product must be bits times constant weights", "binarise what it reads")
            return None
        if (np.abs(weights) != 1).any():
            self.wrong(node, "weights must be +1 or -1", "train with 1-bit weights, or --set sfq.style=unrolled")
            return None
        return _Sums(node, weights.T.astype(np.int64), np.zeros(weights.shape[1], np.int64), source)

    def on_add(self, node: Node, value: int) -> _Sums | None:
        source = self.operand(node)
        other = next((self.graph.nodes[v].constant for v in node.operands), None)
        if not isinstance(source, _Sums) or other is None:
            other = next((c for v in node.operands if (c := self.graph.nodes[v].constant) is not None), None)
        if not isinstance(source, _Sums) or other is None:
            self.wrong(node, "an addition must add a constant to the sums of a layer")
            return None
        bias = source.bias + np.broadcast_to(other, source.bias.shape)
        return _Sums(source.node, source.weights, bias, source.source)

    def on_argmax(self, node: Node, value: int) -> str | None:
        sums = self.operand(node)
        if not isinstance(sums, _Sums) or getattr(node.op, "last", False):
            self.wrong(node, "arg-max must end the network, ties to the lowest index")
            return None
        base, step, w = sums.source.base, sums.source.step, sums.weights
        offset = base * w.sum(axis=1) - step * (w < 0).sum(axis=1) + sums.bias  # sum = step c + offset
        offset = offset - offset.min()
        if (offset % step).any():
            self.wrong(node, f"biases of the last layer must differ by multiples of {step}")
            return None
        self.layers.append(Layer(sums.node.origin, w > 0, offset // step))
        return "decided"


_HANDLERS = {
    "input": _Reader.on_input,
    "reshape": _Reader.on_reshape,
    "multi_threshold": _Reader.on_threshold,
    "matmul": _Reader.on_matmul,
    "add": _Reader.on_add,
    "argmax": _Reader.on_argmax,
}


def read_network(graph: Graph) -> BinaryNetwork:
    """The binary network of a primitive graph. Errors: NC806 for everything that the engine does not run."""
    return _Reader(graph).run()


def problems(graph: Graph) -> tuple[Diagnostic, ...]:
    """What `read_network` would refuse."""
    try:
        read_network(graph)
    except NcError as error:
        return tuple(error.diagnostics)
    return ()
