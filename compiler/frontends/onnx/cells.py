"""One time step of the recurrent operators, as the standard defines them (ONNX operators RNN, GRU, LSTM).

Every gate goes by a name of its own behind the layer's ('gru/update'), so that its precision can be chosen and its
logic found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.base import Array, Op
from nc.ir.ops.hard_sigmoid import HardSigmoid
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.mul import Mul
from nc.ir.ops.relu import Relu
from nc.ir.ops.sigmoid import Sigmoid
from nc.ir.ops.sub import Sub
from nc.ir.ops.tanh import Tanh

_ACTIVATIONS: Mapping[str, Callable[[float, float], Op]] = {
    "sigmoid": lambda alpha, beta: Sigmoid(),
    "tanh": lambda alpha, beta: Tanh(),
    "relu": lambda alpha, beta: Relu(),
    "hardsigmoid": HardSigmoid,
}
_ALPHA, _BETA = 0.2, 0.5  # the standard's, of HardSigmoid


@dataclass(frozen=True)
class Cell:
    """`gates`: their number; `states`: names, the hidden state first; `activations`: the standard's defaults."""

    gates: int
    states: tuple[str, ...]
    activations: tuple[str, ...]
    step: Callable[[Node, Direction, Tensor, Sequence[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class Direction:
    """Parameters of one direction: `inputs` (gates, features, hidden), `recurrent` (gates, hidden, hidden), `biases`
    of both (gates, hidden), `peepholes` (3, hidden) or None."""

    number: int
    inputs: Array
    recurrent: Array
    input_bias: Array
    bias: Array
    peepholes: Array | None
    activations: tuple[Op, ...]

    @property
    def hidden(self) -> int:
        return int(self.recurrent.shape[-1])

    @classmethod
    def of(cls, node: Node, cell: Cell, number: int, count: int) -> Direction:
        """The parameters of direction `number`. Raises NC104 (not constant), NC109 (shapes), NC103 (activations)."""
        features, gates = node[0].shape[-1], cell.gates
        weights, recurrent = node.data(1, "the weights"), node.data(2, "the recurrent weights")
        hidden = node.attributes["hidden_size"] or recurrent.shape[-1]
        shape: dict[str, tuple[Array, tuple[int, ...]]] = {
            "W": (weights, (count, gates * hidden, features)),
            "R": (recurrent, (count, gates * hidden, hidden)),
        }
        bias = node.data(3, "the bias") if node.maybe(3) else np.zeros((count, 2 * gates * hidden))
        shape["B"] = (bias, (count, 2 * gates * hidden))
        peepholes = node.data(7, "the peepholes") if node.op == "LSTM" and node.maybe(7) else None
        if peepholes is not None:
            shape["P"] = (peepholes, (count, 3 * hidden))
        for name, (data, want) in shape.items():
            if data.shape != want:
                fail("NC109", f"operand '{name}' of {node.op} must have shape {list(want)}, not {list(data.shape)}")
            node.check_finite(data, f"operand '{name}'")
        return cls(
            number,
            weights[number].reshape(gates, hidden, features).transpose(0, 2, 1),
            recurrent[number].reshape(gates, hidden, hidden).transpose(0, 2, 1),
            bias[number, : gates * hidden].reshape(gates, hidden),
            bias[number, gates * hidden :].reshape(gates, hidden),
            None if peepholes is None else peepholes[number].reshape(3, hidden),
            _activations(node, cell, number, count),
        )


def _activations(node: Node, cell: Cell, number: int, count: int) -> tuple[Op, ...]:
    wanted = len(cell.activations) * count
    stated = (node.attributes["activations"] or cell.activations * count)[:wanted]  # the standard's default has spares
    if len(stated) != wanted:
        fail("NC109", f"{node.op} must have {wanted} activations, not {len(stated)}")
    names = [name.lower() for name in stated]
    if unknown := [s for s, name in zip(stated, names, strict=True) if name not in _ACTIVATIONS]:
        node.refuse(
            f"activations of {node.op} must be Sigmoid, Tanh, Relu or HardSigmoid, not {unknown[0]}",
            help="train with one of these",
        )
    own = names[number * len(cell.activations) : (number + 1) * len(cell.activations)]
    parameters = _parameters(node, names)
    return tuple(_ACTIVATIONS[name](*parameters[number * len(cell.activations) + k]) for k, name in enumerate(own))


def _parameters(node: Node, names: list[str]) -> list[tuple[float, float]]:
    """alpha and beta of each activation: stated for those that take them, in order."""
    alphas, betas = (list(node.attributes[f"activation_{side}"] or ()) for side in ("alpha", "beta"))
    return [
        (alphas.pop(0) if alphas else _ALPHA, betas.pop(0) if betas else _BETA) if name == "hardsigmoid" else (0.0, 0.0)
        for name in names
    ]


@dataclass
class _Layer:
    """Builds one step: sums and products that leave out what is zero (a first step has no state yet)."""

    node: Node
    direction: Direction
    name: str

    @classmethod
    def of(cls, node: Node, direction: Direction) -> _Layer:
        return cls(node, direction, node.name)

    def at(self, gate: str) -> None:
        """Operations from here on belong to this gate."""
        self.node.build.origin = f"{self.name}/{gate}"

    def constant(self, data: Array) -> Tensor:
        return constant(data, self.node[0].dtype)

    def driven(self, gate: int, x: Tensor, h: Tensor) -> Tensor:
        """x W + h R + biases of a gate."""
        d = self.direction
        return self.sum(
            self.affine(x, d.inputs[gate], d.input_bias[gate] + d.bias[gate]), self.affine(h, d.recurrent[gate])
        )

    def affine(self, x: Tensor, weights: Array, bias: Array | None = None) -> Tensor:
        made = (
            self.constant(np.zeros(weights.shape[-1]))
            if _zero(x)
            else self.node.emit(MatMul(), x, self.constant(weights))
        )
        return made if bias is None else self.sum(made, self.constant(bias))

    def sum(self, a: Tensor, b: Tensor) -> Tensor:
        if _zero(a) or _zero(b):
            return b if _zero(a) else a
        return self.node.emit(Add(), a, b, dtype=a.dtype)

    def difference(self, a: Tensor, b: Tensor) -> Tensor:
        return a if _zero(b) else self.node.emit(Sub(), a, b)

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        return a if _zero(a) else b if _zero(b) else self.node.emit(Mul(), a, b)

    def activation(self, which: int, x: Tensor) -> Tensor:
        return self.node.emit(self.direction.activations[which], x)


def _zero(tensor: Tensor) -> bool:
    return tensor.value is None and tensor.data is not None and not np.any(tensor.data)


def _rnn(node: Node, direction: Direction, x: Tensor, state: Sequence[Tensor]) -> list[Tensor]:
    """h' = f(x W + h R + b)."""
    layer = _Layer.of(node, direction)
    layer.at("hidden")
    return [layer.activation(0, layer.driven(0, x, state[0]))]


def _gru(node: Node, direction: Direction, x: Tensor, state: Sequence[Tensor]) -> list[Tensor]:
    """h' = n + z (h - n), with update z, reset r and candidate n; gates stand in the order z, r, n."""
    (h,) = state
    layer = _Layer.of(node, direction)
    layer.at("update")
    z = layer.activation(0, layer.driven(0, x, h))
    layer.at("reset")
    r = layer.activation(0, layer.driven(1, x, h))
    layer.at("candidate")
    d = direction
    if node.attributes["linear_before_reset"]:
        inner = layer.product(r, layer.affine(h, d.recurrent[2], d.bias[2]))
        drive = layer.sum(layer.affine(x, d.inputs[2], d.input_bias[2]), inner)
    else:
        drive = layer.sum(
            layer.affine(x, d.inputs[2], d.input_bias[2] + d.bias[2]), layer.affine(layer.product(r, h), d.recurrent[2])
        )
    n = layer.activation(1, drive)
    layer.at("hidden")
    return [layer.sum(n, layer.product(z, layer.difference(h, n)))]


def _lstm(node: Node, direction: Direction, x: Tensor, state: Sequence[Tensor]) -> list[Tensor]:
    """c' = f c + i g, h' = o tanh(c'); gates stand in the order i, o, f, g; peepholes let i, o, f see c."""
    h, c = state
    layer = _Layer.of(node, direction)

    def gate(name: str, number: int, cell: Tensor) -> Tensor:
        layer.at(name)
        drive = layer.driven(number, x, h)
        if direction.peepholes is not None:
            drive = layer.sum(drive, layer.product(cell, layer.constant(direction.peepholes[number])))
        return layer.activation(0, drive)

    i, f = gate("input", 0, c), gate("forget", 2, c)
    layer.at("candidate")
    g = layer.activation(1, layer.driven(3, x, h))
    layer.at("cell")
    following = layer.sum(layer.product(f, c), layer.product(i, g))
    o = gate("output", 1, following)
    layer.at("hidden")
    return [layer.product(o, layer.activation(2, following)), following]


CELLS: Mapping[str, Cell] = {
    "RNN": Cell(1, ("h",), ("Tanh",), _rnn),
    "GRU": Cell(3, ("h",), ("Sigmoid", "Tanh"), _gru),
    "LSTM": Cell(4, ("h", "c"), ("Sigmoid", "Tanh", "Tanh"), _lstm),
}
