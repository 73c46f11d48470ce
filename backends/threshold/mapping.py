"""From the integer graph to the array's network: which operations become layers, and what does not fit.

A layer is a matrix product or convolution with constant weights, with what follows it: a bias, a max pool, and the
staircase that makes bits again; the last layer may end in integers. Staircases with several steps become
thermometer bits: one neuron for each step, the same weights with another threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from nc.backends.threshold.encoding import Activation, accumulate, ceil
from nc.backends.threshold.layers import ArrayLayer, Network, Window
from nc.backends.threshold.node import Node
from nc.compiler.passes.as_staircase import ACTIVATIONS, as_staircase, level_count
from nc.hdl.threshold.config import InputUnit
from nc.ir.diagnostics import Collector, Diagnostic, InternalError, NcError, Where
from nc.ir.graph import Graph
from nc.ir.graph import Node as GraphNode
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.conv import Conv
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.transpose import Transpose
from nc.ir.types import IntType, bits_for

Array = np.ndarray[Any, Any]

MAX_STEPS = 31
"""Steps of a staircase that may become thermometer bits (5-bit activations)."""

MAX_BITS = MAX_STEPS.bit_length()


@dataclass(frozen=True)
class Bits:
    """A tensor in the image buffer: `index` (Y, X, channel bits) names the element of the graph's tensor, row-major,
    that each stored bit belongs to; `stored` False while it is still the raw input."""

    index: Array
    activation: Activation
    stored: bool = True


@dataclass(frozen=True)
class Sums:
    """An accumulator that has not met its staircase yet."""

    name: str
    weights: Array
    bias: Array
    window: Window
    source: Bits
    shape: tuple[int, ...]
    kind: IntType


@dataclass
class Mapper:
    """Walks the graph in order; every operation has a handler in `_HANDLERS`."""

    graph: Graph
    pes: int
    found: Collector = field(default_factory=Collector)
    layers: list[ArrayLayer] = field(default_factory=list)
    input: InputUnit | None = None
    argmax: bool = False
    halves: int = 0
    planar: bool = False
    values: dict[int, Bits | Sums] = field(default_factory=dict)

    def run(self) -> Network:
        """The network; raises every problem found at once (NC710 .. NC714)."""
        graph = self.graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            self.found.error("NC710", "the array runs networks with one input and one output, "
                             f"not {len(graph.inputs)} and {len(graph.outputs)}")  # fmt: skip
            self.found.raise_if_any()
        for value, node in enumerate(graph.nodes):
            if node.constant is not None:
                continue
            handler = _HANDLERS.get(node.op.name)
            if handler is None:
                self._error("NC710", f"operation '{node.op.name}' cannot run on the array", node,
                            "binary networks are matrix products and convolutions with bits between them; "
                            "--target fpga runs every integer network")  # fmt: skip
                continue
            operand = next((v for v in node.operands if graph.nodes[v].constant is None), None)
            if node.op.name != "input" and operand not in self.values:
                continue  # an operand already failed
            made = handler(self, node, value, operand)
            if made is not None:
                self.values[value] = made
        self.found.raise_if_any()
        (output,) = graph.outputs.values()
        last = self.values[output]
        if isinstance(last, Sums):
            self._value_layer(last)
        self.found.raise_if_any()
        if not self.layers or self.input is None:
            self.found.error("NC710", "the network has no layer that the array could run")
            self.found.raise_if_any()
            raise InternalError("unreachable")
        kind = graph.type(output).int
        if isinstance(last, Bits):
            plain = (last.activation.offset, last.activation.scale) in ((-1, 2), (0, 1))
            in_order = np.array_equal(last.index.reshape(-1), np.arange(graph.type(output).size))
            full_words = last.index.shape[:2] == (1, 1) or last.index.shape[2] % self.pes == 0
            if not (in_order and full_words and plain):
                self._error("NC714", "binary results on the array must be a vector of bipolar values or bits, or an "
                            f"image (y, x, channels) with a multiple of {self.pes} channels", graph.nodes[output],
                            "end in a dense layer, or in a transpose")  # fmt: skip
                self.found.raise_if_any()
        return Network(self.input, tuple(self.layers), kind.bits, self.argmax, kind.lo < 0, self.halves)

    def _error(self, code: str, message: str, node: GraphNode, help: str) -> None:
        self.found.error(code, message, where=Where(node=node.origin), help=help)

    # -- handlers -------------------------------------------------------------------------------------------

    def on_input(self, node: GraphNode, value: int, operand: int | None) -> Bits:
        del operand
        shape = node.type.shape
        index = np.arange(node.type.size).reshape(1, 1, -1)
        if self._first_layer_is_conv():
            index = np.arange(node.type.size).reshape(shape if len(shape) == 3 else (1, 1, -1))
            if len(shape) == 3 and not self._channels_last():
                self.planar = shape[0] > 1
                index = index.transpose(1, 2, 0)
        kind = node.type.int
        if kind.step != 1 or kind.hi - kind.lo == 1:  # bits on the wire: the greater of two values is a one
            self.input = self._input_unit(kind, kind.hi, 1, index)
            return Bits(index, Activation(kind.lo, kind.hi - kind.lo))
        return Bits(index, Activation(0, 1, kind.bits), stored=False)

    def _first_layer_is_conv(self) -> bool:
        names = [n.op.name for n in self.graph.nodes if n.op.name in ("conv", "matmul")]
        return names[:1] == ["conv"]

    def _channels_last(self) -> bool:
        """The image arrives as (y, x, channels) and is transposed before the first convolution."""
        names = [n.op.name for n in self.graph.nodes]
        return "transpose" in names[: names.index("conv")]

    def _input_unit(self, kind: IntType, threshold: int, planes: int, index: Array) -> InputUnit:
        channels = index.shape[2]
        lanes = self.pes
        if index.shape[0] * index.shape[1] > 1:
            lanes = 1 if self.planar else next(d for d in range(min(self.pes, channels), 0, -1) if channels % d == 0)
        return InputUnit(kind.bits, kind.signed, threshold, planes, -(-index.size // lanes), lanes)

    def _raw(self, source: Bits) -> Bits:
        """The raw input as bit planes, now that nothing binarises it."""
        kind = next(n.type.int for n in self.graph.nodes if n.op.name == "input")
        self.input = self._input_unit(kind, 0, kind.bits, source.index)
        offset = -(1 << kind.bits - 1) if kind.signed else 0
        return Bits(source.index, Activation(offset, 1, kind.bits))

    def on_reshape(self, node: GraphNode, value: int, operand: int | None) -> Bits | Sums | None:
        """Elements keep their row-major numbers."""
        source = self.values[_known(operand)]
        if not isinstance(source, Sums):
            return source
        if node.type.shape[:1] != source.shape[:1]:
            self._error("NC710", "sums cannot be reshaped on the array", node, "reshape the bits instead")
            return None
        return replace(source, shape=node.type.shape)

    def on_transpose(self, node: GraphNode, value: int, operand: int | None) -> Bits | None:
        assert isinstance(node.op, Transpose)
        source = self.values[_known(operand)]
        if isinstance(source, Sums):
            self._error("NC710", "sums cannot be transposed on the array", node, "transpose the bits instead")
            return None
        before = np.arange(node.type.size).reshape(self.graph.type(_known(operand)).shape)
        renumber = np.empty(node.type.size, np.int64)
        renumber[before.transpose(node.op.perm).reshape(-1)] = np.arange(node.type.size)
        return replace(source, index=renumber[source.index])

    def on_matmul(self, node: GraphNode, value: int, operand: int | None) -> Sums | None:
        weights = self.graph.nodes[node.operands[1]].constant
        source = self.values[_known(operand)]
        if weights is None or node.operands[0] != operand or weights.ndim != 2 or isinstance(source, Sums):
            self._error("NC710", "a matrix product on the array must be bits times constant weights", node,
                        "activations between layers must be binarised")  # fmt: skip
            return None
        if self.graph.type(_known(operand)).rank != 1:
            self._error("NC710", "a matrix product on the array must take a vector", node, "flatten its input")
            return None
        if not source.stored:
            source = self._raw(source)
        height, width, channels = source.index.shape
        ordered = weights[source.index.reshape(-1)].T
        window = Window(channels, source.activation.planes, extent=(height, width), kernel=(height, width))
        window = self._packed(window)
        kind = node.type.int
        return Sums(node.origin, ordered, np.zeros(len(ordered), np.int64), window, source, node.type.shape, kind)

    def on_conv(self, node: GraphNode, value: int, operand: int | None) -> Sums | None:
        op = node.op
        assert isinstance(op, Conv)
        weights = self.graph.nodes[node.operands[1]].constant
        source = self.values[_known(operand)]
        shape = self.graph.type(_known(operand)).shape
        plain = len(shape) == 3 and op.groups == 1 and set(op.dilations) == {1}
        if weights is None or isinstance(source, Sums) or not plain:
            self._error("NC710", "a convolution on the array must be two-dimensional, with constant weights and one "
                        "group, on bits", node, "activations between layers must be binarised")  # fmt: skip
            return None
        planes = np.arange(shape[0] * shape[1] * shape[2]).reshape(shape)
        height, width, channels = source.index.shape
        repeat = channels // shape[0]
        if not np.array_equal(source.index, np.repeat(planes.transpose(1, 2, 0), repeat, axis=2)):
            self._error("NC713", "a convolution must read an image as it arrived or as a layer made it", node,
                        "reshape and transpose only in front of dense layers, or from (y, x, channels)")  # fmt: skip
            return None
        if not source.stored:
            source = self._raw(source)
        kernel = np.repeat(weights.transpose(0, 2, 3, 1), repeat, axis=3).reshape(len(weights), -1)
        window = Window(
            channels,
            source.activation.planes,
            extent=(height, width),
            kernel=(weights.shape[2], weights.shape[3]),
            stride=(op.strides[0], op.strides[1]),
            output=(node.type.shape[1], node.type.shape[2]),
        )
        if any(op.pads):
            top, left, bottom, right = op.pads
            window = replace(window, pad=(top, left, bottom, right))
            padded = self._bordered(window, source, repeat, node)
            if padded is None:
                return None
            window = padded
        window = self._packed(window)
        kind = node.type.int
        return Sums(node.origin, kernel, np.zeros(len(kernel), np.int64), window, source, node.type.shape, kind)

    def _bordered(self, window: Window, source: Bits, repeat: int, node: GraphNode) -> Window | None:
        """What a padded zero is: a pattern of the bits of one channel, or, where zero stands halfway between them, as
        many products 1 as 0."""
        offset, scale, planes = source.activation.offset, source.activation.scale, source.activation.planes
        if planes > 1:
            zero = -offset // scale
            return replace(window, border=tuple(((zero >> plane) & 1 == 1,) for plane in range(planes)))
        ones, rest = divmod(-offset, scale)
        if not rest and 0 <= ones <= repeat:
            return replace(window, border=((True,) * ones + (False,) * (repeat - ones),))
        if 2 * offset + scale * repeat:
            low, high = offset, offset + scale * repeat
            self._error("NC712", f"zero padding must stand among the values of the input, not between {low} and {high} "
                        f"in steps of {scale}", node, "pad with one of the values before the layer, or train with "
                        "sign activations")  # fmt: skip
            return None
        if window.channels % 2:
            self._error("NC712", f"zero padding of bipolar values must have an even number of channels, not "
                        f"{window.channels}", node, "pad with -1 or +1 before the layer, or train without "
                        "padding")  # fmt: skip
            return None
        return replace(window, border=((True, False),), masked=True)

    def _packed(self, window: Window) -> Window:
        """The first layer reads words as the stream packed them."""
        if self.layers or self.input is None:
            return window
        if self.planar:
            return replace(window, planar=True)
        if self.input.lanes == self.pes:
            return window
        return replace(window, pack=self.input.lanes)

    def on_add(self, node: GraphNode, value: int, operand: int | None) -> Sums | None:
        """A bias."""
        sums, other = self.values[_known(operand)], self._by_channel(node, operand)
        if not isinstance(sums, Sums) or other is None or sums.window.subs > 1:
            self._error("NC710", "an addition on the array must add a constant to the sums of a layer, one number a "
                        "channel", node, "residual connections need --target fpga")  # fmt: skip
            return None
        return replace(sums, bias=sums.bias + other, kind=node.type.int)

    def on_mul(self, node: GraphNode, value: int, operand: int | None) -> Sums | None:
        """Scales by channel, in front of a comparison of channels, are part of the weights."""
        sums, other = self.values[_known(operand)], self._by_channel(node, operand)
        if not isinstance(sums, Sums) or other is None or (sums.window.subs > 1 and (other < 0).any()):
            self._error("NC710", "a product on the array must be of the sums of a layer and a constant, one number a "
                        "channel", node, "products of two tensors need --target fpga")  # fmt: skip
            return None
        return replace(sums, weights=sums.weights * other[:, None], bias=sums.bias * other, kind=node.type.int)

    def _by_channel(self, node: GraphNode, operand: int | None) -> Array | None:
        """The constant operand of `node` as one number for each channel of the sums; None where there is no such."""
        other = next((self.graph.nodes[v].constant for v in node.operands if v != operand), None)
        if other is None:
            return None
        spread = np.broadcast_to(other, node.type.shape).reshape(node.type.shape[0] if node.type.shape else 1, -1)
        return None if (spread != spread[:, :1]).any() else spread[:, 0]

    def on_max_pool(self, node: GraphNode, value: int, operand: int | None) -> Sums | Bits | None:
        op = node.op
        assert isinstance(op, MaxPool)
        source = self.values[_known(operand)]
        plain = len(op.kernel) == 2 and not any(op.pads) and set(op.dilations) == {1}
        if not plain or (isinstance(source, Bits) and not (source.stored and self.layers)):
            self._error("NC710", "a max pool on the array must be two-dimensional, without padding, after a layer",
                        node, "")  # fmt: skip
            return None
        pool, pool_stride = (op.kernel[0], op.kernel[1]), (op.strides[0], op.strides[1])
        if isinstance(source, Sums):  # the staircase ascends, so it commutes with the maximum
            output = (node.type.shape[1], node.type.shape[2])
            window = replace(source.window, pool=pool, pool_stride=pool_stride, output=output)
            return replace(source, window=window, shape=node.type.shape)
        last = self.layers[-1]
        if last.window.subs > 1 or len(self.graph.users[_known(operand)]) > 1:
            self._error("NC710", "two max pools in a row cannot run on the array", node, "merge them")
            return None
        output = (node.type.shape[1], node.type.shape[2])
        self.layers[-1] = replace(last, window=replace(last.window, pool=pool, pool_stride=pool_stride, output=output))
        channels = source.index.shape[2]
        repeat = channels // node.type.shape[0]
        return replace(source, index=_spatial_index(node.type.shape, repeat))

    def on_activation(self, node: GraphNode, value: int, operand: int | None) -> Bits | None:
        """Requantisations, clamps and monotone tables are staircases too."""
        kind = self.graph.type(_known(operand)).int
        if not self._few_steps(node, level_count(node.op, kind)):
            return None
        found = as_staircase(node.op, kind)
        if found is None:
            self._error("NC711", "an activation on the array must rise or fall all the way", node,
                        "train with a monotone function, or use --target fpga")  # fmt: skip
            return None
        return self._staircase(node, operand, found)

    def on_multi_threshold(self, node: GraphNode, value: int, operand: int | None) -> Bits | None:
        assert isinstance(node.op, MultiThreshold)
        return self._staircase(node, operand, node.op)

    def _few_steps(self, node: GraphNode, steps: int) -> bool:
        if steps <= MAX_STEPS:
            return True
        self._error("NC711", f"activations on the array must have at most {MAX_STEPS} steps ({MAX_BITS} bits), not "
                    f"{steps:,}", node, f"set quantise.activation_bits={MAX_BITS} or less (quantise.layers for this "
                    "one alone), train with so few bits, or use --target fpga")  # fmt: skip
        return False

    def _staircase(self, node: GraphNode, operand: int | None, op: MultiThreshold) -> Bits | None:
        source = self.values[_known(operand)]
        steps = op.thresholds.shape[1]
        if not steps:
            self._error("NC710", "an activation that is the same for every input cannot run on the array", node,
                        "remove it and what it feeds")  # fmt: skip
            return None
        if isinstance(source, Bits):
            uniform = len(op.thresholds) == 1 and steps == 1 and op.sign[0] > 0 and op.step > 0
            if source.stored or not uniform:
                self._error("NC711", "bits of the input must come from one threshold for all elements", node,
                            "let the first layer take the input's bit planes instead")  # fmt: skip
                return None
            kind = next(n.type.int for n in self.graph.nodes if n.op.name == "input")
            self.input = self._input_unit(kind, int(op.thresholds[0, 0]), 1, source.index)
            return Bits(source.index, Activation(op.base, op.step))
        if not self._few_steps(node, steps):
            return None
        if op.step <= 0 or (len(op.thresholds) > 1 and op.axis):
            self._error("NC711", "activations on the array must ascend, with steps of their own for each channel or "
                        "the same for all", node, "")  # fmt: skip
            return None
        return self._threshold_layer(node, source, op)

    def on_argmax(self, node: GraphNode, value: int, operand: int | None) -> Sums | None:
        assert isinstance(node.op, ArgMax)
        source = self.values[_known(operand)]
        if not isinstance(source, Sums) or node.op.last or len(source.shape) != 1:
            self._error("NC710", "argmax on the array must be the network's end, ties to the lowest index", node, "")
            return None
        self.argmax = True
        return source

    # -- layers ---------------------------------------------------------------------------------------------

    def _threshold_layer(self, node: GraphNode, sums: Sums, op: MultiThreshold) -> Bits | None:
        channels = sums.shape[0]
        steps, step = op.thresholds.shape[1], op.step
        edges = np.broadcast_to(op.thresholds, (channels, steps))
        if (edges == edges[:, :1]).all():  # steps that always come together, as of a sign that is never 0
            edges, steps, step = edges[:, :1], 1, step * steps
        falling = np.broadcast_to(op.sign, channels) < 0
        if falling.any() and sums.window.subs > 1:
            self._error("NC710", "a falling staircase after a max pool cannot run on the array", node,
                        "put the activation before the pool")  # fmt: skip
            return None
        weights = np.where(falling[:, None], -sums.weights, sums.weights)
        made = accumulate(weights, sums.source.activation)
        largest = sum(count << j for j, count in enumerate(made.products))
        layer_node = Node(made.products, order=made.order)
        addends = []
        for c in range(channels):
            for k in range(steps):
                edge = int(edges[c, k]) - int(sums.bias[c])  # w x >= edge, or w x <= edge when falling
                threshold = ceil(((-edge if falling[c] else edge) - made.beta[c]) / made.alpha)
                addends.append(layer_node.addend_for(min(max(threshold, 0), largest + 1)))
        window = replace(sums.window, weight_planes=made.repeats)
        self.layers.append(
            ArrayLayer(sums.name, layer_node, window, np.repeat(made.weights, steps, axis=0), np.array(addends))
        )
        shape = sums.shape if len(sums.shape) == 3 else (sums.shape[0], 1, 1)
        return Bits(_spatial_index(shape, steps), Activation(op.base, step, bits=steps))

    def _value_layer(self, sums: Sums) -> None:
        node = next(n for n in self.graph.nodes if n.origin == sums.name)
        if len(sums.shape) != 1:
            self._error("NC714", "integer results on the array must be a vector", node,
                        "end in a dense layer")  # fmt: skip
            return
        weights, activation, bias = _by_powers_of_two(sums)
        made = accumulate(weights, activation, odd=False)
        halves = int(made.alpha.denominator == 2)  # multi-bit weights count in halves: the lowest bit is always 0
        alpha = int(made.alpha * (1 + halves))
        shift = alpha.bit_length() - 1
        columns = bits_for(min(sums.kind.lo, -1), sums.kind.hi) + halves
        order = tuple((column + shift, count) for column, count in made.order)
        layer_node = Node((0,) * shift + made.products, "value", columns, order=order)
        whole = 1 + halves
        addends = np.array([int((b + c) * whole) % (1 << columns) for b, c in zip(made.beta, bias, strict=True)])
        self.halves = halves
        window = replace(sums.window, weight_planes=made.repeats)
        self.layers.append(ArrayLayer(sums.name, layer_node, window, made.weights, addends))


def _by_powers_of_two(sums: Sums) -> tuple[Array, Activation, list[Fraction]]:
    """Weights, activation and bias of the same sums where a stored bit counts a power of two: columns are all that
    integer results are made of."""
    activation = sums.source.activation
    unit = activation.scale & -activation.scale
    fixed = [Fraction(int(row) * activation.offset, activation.bits) for row in sums.weights.sum(axis=1)]
    bias = [int(b) + part for b, part in zip(sums.bias, fixed, strict=True)]
    return sums.weights * (activation.scale // unit), replace(activation, offset=0, scale=unit), bias


def _spatial_index(shape: tuple[int, ...], repeat: int) -> Array:
    """Element numbers of a (C, H, W) tensor as the image buffer holds it: positions, then channels."""
    return np.repeat(np.arange(int(np.prod(shape))).reshape(shape).transpose(1, 2, 0), repeat, axis=2)


def _known(operand: int | None) -> int:
    if operand is None:
        raise InternalError("an operation without a variable operand reached the array")
    return operand


_HANDLERS: dict[str, Callable[[Mapper, GraphNode, int, int | None], Bits | Sums | None]] = {
    "input": Mapper.on_input,
    "reshape": Mapper.on_reshape,
    "transpose": Mapper.on_transpose,
    "matmul": Mapper.on_matmul,
    "conv": Mapper.on_conv,
    "add": Mapper.on_add,
    "mul": Mapper.on_mul,
    "max_pool": Mapper.on_max_pool,
    "multi_threshold": Mapper.on_multi_threshold,
    **dict.fromkeys(ACTIVATIONS, Mapper.on_activation),
    "argmax": Mapper.on_argmax,
}


def map_graph(graph: Graph, pes: int) -> Network:
    """The array's network of an integer graph; raises NcError with everything that does not fit."""
    return Mapper(graph, pes).run()


def problems(graph: Graph, pes: int) -> tuple[Diagnostic, ...]:
    """What `map_graph` would refuse."""
    try:
        map_graph(graph, pes)
    except NcError as error:
        return error.diagnostics
    return ()
