"""A small network around each ONNX and QONNX operator: what the support matrix is measured on.

A `Sample` says what the operator reads; `networks` puts it between layers, behind the input, at the output, and between
the layers of a binary network. Nothing is trained: the weights are seeded random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nc.ir.diagnostics import NcError

Array = NDArray[Any]
Operand = Array | np.generic | str
QONNX, MICROSOFT = "qonnx", "com.microsoft"
DOMAINS = {"": "", QONNX: "qonnx.custom_op.general", MICROSOFT: MICROSOFT}
NEWEST = 21
CLASSES = 3
_INDEXED: Mapping[str, Mapping[str, Any]] = {"Gather": {"axis": 1}}


@dataclass(frozen=True)
class Sample:
    """One use of an operator.

    `operands`: constants, or what the network computes: 'x' and 'y' real, 'b' and 'c' their signs as booleans,
    'q' and 'p' the two in 8 bits, '' nothing. `shape`: of x and y, batch aside. `weights`: the operands that are
    -1 or +1 in a binary network. `bits`: results are -1 and +1. `then`: an operator that reads (x, the result), for
    results that are constants.
    """

    operands: tuple[Operand, ...] = ("x",)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (4,)
    weights: frozenset[int] = frozenset()
    bits: bool = False
    result: str = "real"
    then: str = ""
    opset: int = NEWEST


def networks(domain: str, op: str, sample: Sample) -> Iterator[tuple[onnx.ModelProto, float]]:
    """The sample in each place where it can stand, and the least number at the input (the greatest is 1)."""
    for place, least in _PLACES.items():
        with suppress(NcError):  # an operator that is refused by name
            yield place(_Network(domain, op, sample)), least


@dataclass
class _Network:
    """Appends nodes; names are numbers."""

    domain: str
    op: str
    sample: Sample
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def constant(self, data: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(data), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def node(self, op: str, *operands: str, domain: str = "", **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        made = helper.make_node(op, operands, [name], f"{op}_{name}", domain=DOMAINS[domain], **attributes)
        self.nodes.append(made)
        return name

    def real(self, shape: tuple[int, ...], binary: bool) -> str:
        """Weights: real numbers, or -1 and +1 behind their quantiser."""
        if not binary:
            return self.constant(self.rng.uniform(-1, 1, shape).astype(np.float32))
        return self.bipolar(self.constant(self.rng.choice([-1.0, 1.0], shape).astype(np.float32)))

    def bipolar(self, value: str) -> str:
        return self.node("BipolarQuant", value, self.constant(np.float32(1)), domain=QONNX)

    def layer(self, value: str, binary: bool = False) -> str:
        """As many outputs as inputs: dense, or a 1 x 1 convolution of images."""
        wide = self.sample.shape[0] if len(self.sample.shape) == 3 else self.sample.shape[-1]
        if len(self.sample.shape) == 3:
            return self.node("Conv", value, self.real((wide, wide, 1, 1), binary), kernel_shape=[1, 1])
        return self.node("MatMul", value, self.real((wide, wide), binary))

    def apply(self, x: str, y: str, binary: bool = False) -> str:
        """The operator on x and y, its result a real tensor."""
        sample = self.sample
        operands = []
        for index, operand in enumerate(sample.operands):
            if not isinstance(operand, str):
                name = self.constant(operand)
                operands.append(self.bipolar(name) if binary and index in sample.weights else name)
            else:
                operands.append(self._computed(operand, {"x": x, "b": x, "q": x}.get(operand, y)))
        made = self.node(self.op, *operands, domain=self.domain, **sample.attributes)
        if sample.then:
            return self.node(sample.then, x, made, **_INDEXED.get(sample.then, {}))
        if sample.result == "q":
            return self.node("DequantizeLinear", made, *self._steps())
        return made if sample.result == "real" else self.node("Cast", made, to=TensorProto.FLOAT)

    def _computed(self, operand: str, value: str) -> str:
        if operand in ("b", "c"):
            return self.node("Greater", value, self.constant(np.float32(0)))
        if operand in ("q", "p"):
            return self.node("QuantizeLinear", value, *self._steps())
        return value if operand else ""

    def _steps(self) -> tuple[str, str]:
        return self.constant(np.float32(1 / 32)), self.constant(np.uint8(128))

    def classes(self, value: str, binary: bool = False) -> str:
        """A last dense layer on all elements of `value`."""
        flat = self.node("Flatten", value, axis=1)
        return self.node("MatMul", flat, self.real((self._extent(flat), CLASSES), binary))

    def _extent(self, value: str) -> int:
        from nc.compiler.frontends.onnx import from_onnx

        graph = from_onnx(self.model(value))
        (output,) = graph.outputs.values()
        return int(np.prod(graph.type(output).shape))

    def model(self, output: str) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            self.op,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.sample.shape])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.constants,
        )
        opsets = [helper.make_opsetid(domain, 1) for domain in DOMAINS.values() if domain]
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.sample.opset), *opsets])


def _between(net: _Network) -> onnx.ModelProto:
    x, y = (net.node("Relu", net.layer("x")) for _ in range(2))
    return net.model(net.classes(net.apply(x, y)))


def _before_activation(net: _Network) -> onnx.ModelProto:
    x, y = (net.node("Relu", net.layer("x")) for _ in range(2))
    return net.model(net.classes(net.node("Relu", net.apply(x, y))))


def _behind_input(net: _Network) -> onnx.ModelProto:
    return net.model(net.classes(net.apply("x", "x")))


def _at_output(net: _Network) -> onnx.ModelProto:
    return net.model(net.apply(net.layer("x"), net.layer("x")))


def _binary(net: _Network) -> onnx.ModelProto:
    bits = net.bipolar("x")
    made = net.apply(net.layer(bits, binary=True), net.layer(bits, binary=True), binary=True)
    return net.model(net.classes(made if net.sample.bits else net.bipolar(made), binary=True))


def _on_bits(net: _Network) -> onnx.ModelProto:
    x, y = (net.bipolar(net.layer(net.bipolar("x"), binary=True)) for _ in range(2))
    return net.model(net.classes(net.apply(x, y, binary=True), binary=True))


def _binary_input(net: _Network) -> onnx.ModelProto:
    bits = net.bipolar("x")
    return net.model(net.classes(net.bipolar(net.apply(bits, bits, binary=True)), binary=True))


_PLACES: dict[Callable[[_Network], onnx.ModelProto], float] = {
    _between: 0.0,
    _before_activation: 0.0,
    _behind_input: 0.0625,  # roots and logarithms want more than 0
    _at_output: 0.0,
    _binary: -1.0,
    _on_bits: -1.0,
    _binary_input: -1.0,
}


def _f(*numbers: float) -> Array:
    return np.array(numbers, np.float32)


def _i(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


def _w(*shape: int) -> Array:
    return np.random.default_rng(2).uniform(-1, 1, shape).astype(np.float32)


_S, _Z = np.float32(1 / 32), np.uint8(128)
_SIGNED = np.int8(0)
_IMAGE, _LINE = (1, 4, 4), (2, 4)
_HALF = _f(0.5, 0.25, 0.75, 0.5)
_KERNEL = {"kernel_shape": [2, 2], "strides": [2, 2]}
_FOUR = (_f(1.5), _f(0.25), _f(0.125), _f(1))
_BYTES = np.random.default_rng(3).integers(-100, 100, (4, 4)).astype(np.int8)
_TAPS = np.random.default_rng(3).integers(-100, 100, (2, 1, 3, 3)).astype(np.int8)


def _both(constant: Operand, **rest: Any) -> list[Sample]:
    """With a constant, and with another computed tensor."""
    return [Sample(("x", constant), **rest), Sample(("x", "y"), **rest)]


_BINARY = {op: _both(_HALF) for op in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Mean")}
_COMPARE = {op: _both(_HALF, result="bool") for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")}
_LOGIC = {op: [Sample(("b", "c"), result="bool")] for op in ("And", "Or", "Xor")}
_REDUCE = {
    op: [Sample(("x", _i(2)), {"keepdims": 0}, _LINE)]
    for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare")
    + ("ReduceLogSum", "ReduceLogSumExp")
}
_STANDARD: dict[str, list[Sample]] = {
    **{
        op: [
            Sample(("x", _w(1, 4 * gates, 4), _w(1, 4 * gates, 4)), {"hidden_size": 4}, (1, 4)),
            Sample(("x", _w(1, 4 * gates, 4), _w(1, 4 * gates, 4)), {"hidden_size": 4, "layout": 1}, (2, 4)),
        ]
        for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4))
    },
    "Sign": [Sample(), Sample(bits=True)],
    "Pow": [Sample(("x", _f(2)))],
    "PRelu": [Sample(("x", _HALF))],
    "Not": [Sample(("b",), result="bool")],
    "Where": [Sample(("b", "x", "y")), Sample((np.array([True, False, True, False]), "x", "y"))],
    "Clip": [Sample(("x", _f(0)[0], _f(1)[0]))],
    "ThresholdedRelu": [Sample(attributes={"alpha": 0.5})],
    "Swish": [Sample(opset=24)],
    "Cast": [Sample(attributes={"to": TensorProto.FLOAT})],
    "CastLike": [Sample(("x", _f(0)))],
    "BatchNormalization": [Sample(("x", *_FOUR), shape=_IMAGE)],
    "LayerNormalization": [Sample(("x", _f(1, 1, 1, 1)))],
    "RMSNormalization": [Sample(("x", _f(1, 1, 1, 1)), opset=23)],
    "InstanceNormalization": [Sample(("x", _f(1), _f(0)), shape=_IMAGE)],
    "GroupNormalization": [Sample(("x", _f(1), _f(0)), {"num_groups": 1}, _IMAGE)],
    "Reshape": [Sample(("x", _i(-1, 2, 2)))],
    "Flatten": [Sample(shape=_IMAGE)],
    "Squeeze": [Sample(("x", _i(1)), shape=(1, 4))],
    "Unsqueeze": [Sample(("x", _i(1)))],
    "Transpose": [Sample(attributes={"perm": [0, 2, 3, 1]}, shape=_IMAGE)],
    "Concat": [Sample(("x", "y"), {"axis": 1})],
    "Split": [Sample(("x", _i(3, 1)), {"axis": 1})],
    "Slice": [Sample(("x", _i(1), _i(3), _i(1)))],
    "Gather": [Sample(("x", _i(2, 0)), {"axis": 1})],
    "Tile": [Sample(("x", _i(1, 2)))],
    "Expand": [Sample(("x", _i(1, 2, 4)), shape=(1, 4))],
    "Pad": [Sample(("x", _i(0, 0, 1, 1, 0, 0, 1, 1)), shape=_IMAGE)],
    "DepthToSpace": [Sample(attributes={"blocksize": 2}, shape=(4, 2, 2))],
    "SpaceToDepth": [Sample(attributes={"blocksize": 2}, shape=(1, 4, 4))],
    "MatMul": [Sample(("x", _w(4, 4)), weights=frozenset({1}))],
    "Gemm": [Sample(("x", _w(4, 4), _HALF), weights=frozenset({1})), Sample(("x", _w(4, 4)), weights=frozenset({1}))],
    "Conv": [Sample(("x", _w(2, 1, 3, 3)), {"kernel_shape": [3, 3]}, _IMAGE, frozenset({1}))],
    "ConvTranspose": [Sample(("x", _w(1, 2, 2, 2)), {"kernel_shape": [2, 2]}, _IMAGE, frozenset({1}))],
    "MaxPool": [Sample(attributes=_KERNEL, shape=_IMAGE)],
    "AveragePool": [Sample(attributes=_KERNEL, shape=_IMAGE)],
    "GlobalAveragePool": [Sample(shape=_IMAGE)],
    "GlobalMaxPool": [Sample(shape=_IMAGE)],
    "QuantizeLinear": [Sample(("x", _S, _Z), result="q")],
    "DequantizeLinear": [Sample(("q", _S, _Z))],
    "QLinearMatMul": [Sample(("q", _S, _Z, _BYTES, _S, _SIGNED, _S, _Z), result="q")],
    "QLinearConv": [Sample(("q", _S, _Z, _TAPS, _S, _SIGNED, _S, _Z), {"kernel_shape": [3, 3]}, _IMAGE, result="q")],
    "MatMulInteger": [Sample(("q", _BYTES, _Z), result="int32")],
    "ConvInteger": [Sample(("q", _TAPS, _Z), {"kernel_shape": [3, 3]}, _IMAGE, result="int32")],
    "Softmax": [Sample(attributes={"axis": 1})],
    "LogSoftmax": [Sample(attributes={"axis": 1})],
    "Hardmax": [Sample(attributes={"axis": 1})],
    "ArgMax": [Sample(attributes={"axis": 1}, result="int64")],
    "ArgMin": [Sample(attributes={"axis": 1}, result="int64")],
    "Resize": [Sample(("x", "", _f(1, 1, 2, 2)), {"mode": "nearest"}, _IMAGE)],
    "Upsample": [Sample(("x", _f(1, 1, 2, 2)), {"mode": "nearest"}, _IMAGE, opset=9)],
    "Constant": [Sample((), {"value_floats": [0.5, 0.25, 0.75, 0.5]}, then="Add")],
    "Shape": [Sample(then="Reshape")],
    "Size": [Sample((_f(0, 0),), then="Gather")],
    "ConstantOfShape": [
        Sample((_i(4),), {"value": helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])}, then="Add")
    ],
    "Range": [Sample((_i(0)[0], _i(3)[0], _i(1)[0]), then="Gather")],
}
_QUANTISED = {
    QONNX: {
        "Quant": [Sample(("x", _S, _f(0)[0], _f(8)[0]))],
        "IntQuant": [Sample(("x", _S, _f(0)[0], _f(8)[0]))],
        "BipolarQuant": [Sample(("x", _f(1)[0]), bits=True)],
        "Trunc": [Sample(("x", _S, _f(0)[0], _f(8)[0], _f(4)[0]))],
        "MultiThreshold": [
            Sample(("x", np.array([[-1, 0, 1]] * 4, np.float32))),
            Sample(("x", np.zeros((4, 1), np.float32)), {"out_scale": 2.0, "out_bias": -1.0}, bits=True),
        ],
    },
    MICROSOFT: {
        "QuantizeLinear": [Sample(("x", _S, _Z), result="q")],
        "DequantizeLinear": [Sample(("q", _S, _Z))],
        "QLinearAdd": [Sample(("q", _S, _Z, "p", _S, _Z, _S, _Z), result="q")],
        "QLinearMul": [Sample(("q", _S, _Z, "p", _S, _Z, _S, _Z), result="q")],
        "QLinearSigmoid": [Sample(("q", _S, _Z, _S, _Z), result="q")],
        "QLinearLeakyRelu": [Sample(("q", _S, _Z, _S, _Z), result="q")],
        "QGemm": [Sample(("q", _S, _Z, _BYTES, _S, _SIGNED, "", _S, _Z), result="q")],
        "QLinearSoftmax": [Sample(("q", _S, _Z, _S, _Z), {"axis": 1}, result="q")],
        "QLinearAveragePool": [Sample(("q", _S, _Z, _S, _Z), _KERNEL, _IMAGE, result="q")],
        "QLinearConcat": [Sample((_S, _Z, "q", _S, _Z, "p", _S, _Z), {"axis": 1}, result="q")],
        "QLinearGlobalAveragePool": [Sample(("q", _S, _Z, _S, _Z), shape=_IMAGE, result="q")],
    },
}
SAMPLES: dict[tuple[str, str], list[Sample]] = {
    **{("", op): samples for op, samples in (_BINARY | _COMPARE | _LOGIC | _REDUCE | _STANDARD).items()},
    **{(domain, op): samples for domain, table in _QUANTISED.items() for op, samples in table.items()},
}
"""An operator that is not named here takes one tensor and nothing else."""


def samples(domain: str, op: str) -> list[Sample]:
    return SAMPLES.get((domain, op), [Sample()])
