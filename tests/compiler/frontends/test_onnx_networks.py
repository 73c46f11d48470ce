"""Random float networks, with the batch in front, against onnxruntime; older attribute forms against newer ones."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.frontends.onnx import from_onnx
from nc.ir.interpret import evaluate
from nc.ir.verify import verify


class Network:
    """Collects nodes and weights of a model with one input 'x' (N, C, H, W)."""

    def __init__(self, seed: int, shape: tuple[int, ...], opset: int):
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}
        self.shape, self.opset, self.last = shape, opset, "x"

    def weight(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def floats(self, *shape: int) -> str:
        return self.weight(self.rng.normal(size=shape).astype(np.float32))

    def add(self, op: str, *operands: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, operands, [name], **attributes))
        return name

    def step(self, op: str, *others: str, **attributes: Any) -> None:
        self.last = self.add(op, self.last, *others, **attributes)

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.shape])],
            [helper.make_empty_tensor_value_info(self.last)],
            [numpy_helper.from_array(a, n) for n, a in self.weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


def check(model: onnx.ModelProto, shape: tuple[int, ...], seed: int = 0) -> None:
    import onnxruntime

    graph = from_onnx(model)
    verify(graph, "float")
    x = np.random.default_rng(seed).normal(size=(3, *shape)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    want = session.run(None, {"x": x})[0]
    (got,) = evaluate(graph, {"x": x}).values()
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-4)


ACTIVATIONS = ["Relu", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "HardSigmoid", "HardSwish", "Softplus", "Selu", "Abs"]


@st.composite
def convolutional(draw: Any) -> Network:
    channels = draw(st.sampled_from([1, 2, 4]))
    size = draw(st.integers(6, 11))
    net = Network(draw(st.integers(0, 2**16)), (channels, size, size + draw(st.integers(0, 2))), 14)
    for _ in range(draw(st.integers(1, 3))):
        made = draw(st.sampled_from([1, 2, 4, 6]))
        groups = draw(st.sampled_from([g for g in (1, 2, 4) if channels % g == 0 and made % g == 0]))
        kernel = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
        attributes: dict[str, Any] = {"group": groups, "kernel_shape": kernel}
        if draw(st.booleans()):
            attributes["auto_pad"] = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER"]))
            attributes["strides"] = [draw(st.integers(1, 2)), 1]
        else:
            attributes["pads"] = [draw(st.integers(0, 2)) for _ in range(4)]
            attributes["dilations"] = [draw(st.integers(1, 2)), 1]
        bias = [net.floats(made)] if draw(st.booleans()) else []
        net.step("Conv", net.floats(made, channels // groups, *kernel), *bias, **attributes)
        channels = made
        if draw(st.booleans()):
            spread = net.weight(net.rng.uniform(0.5, 2, made).astype(np.float32))
            net.step("BatchNormalization", net.floats(made), net.floats(made), net.floats(made), spread)
        before = net.last
        net.step(draw(st.sampled_from(ACTIVATIONS)))
        if draw(st.booleans()):
            net.step("Add", before)
    pool = draw(st.sampled_from(["MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", ""]))
    if pool.endswith("Pool") and not pool.startswith("Global"):
        extra = {"count_include_pad": draw(st.integers(0, 1))} if pool == "AveragePool" else {}
        net.step(
            pool, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 0, 0, 1], ceil_mode=draw(st.integers(0, 1)), **extra
        )
    elif pool:
        net.step(pool, **({"axes": [2, 3], "keepdims": 0} if pool == "ReduceMean" else {}))
    net.step("Flatten")
    net.step("Softmax", axis=-1) if draw(st.booleans()) else None
    return net


@settings(max_examples=40, derandomize=True, deadline=None)
@given(convolutional())
def test_random_convolutional_networks(net: Network) -> None:
    check(net.model(), net.shape)


def test_shape_arithmetic_of_exporters_disappears() -> None:
    """x.view(x.size(0), -1) and x.expand as exporters spell them."""
    net = Network(0, (2, 3, 4), 13)
    zero, one = net.weight(np.int64(0)), net.weight(np.array([0]))
    lead = net.add("Unsqueeze", net.add("Gather", net.add("Shape", "x"), zero, axis=0), one)
    flat = net.add("Reshape", "x", net.add("Concat", lead, net.weight(np.array([-1])), axis=0))
    token = net.add("Expand", net.floats(1, 5), net.add("Concat", lead, net.weight(np.array([5])), axis=0))
    filled = net.add("ConstantOfShape", net.add("Concat", lead, net.weight(np.array([2])), axis=0))
    net.last = net.add("Concat", flat, token, filled, axis=1)
    check(net.model(), net.shape)
    graph = from_onnx(net.model())
    assert sorted({n.op.name for n in graph.nodes}) == ["concat", "constant", "input", "reshape"]


OLD_FORMS: list[tuple[int, str, dict[str, Any], tuple[int, ...]]] = [
    (7, "Clip", {"min": -0.5, "max": 0.5}, (3, 4)),
    (7, "Unsqueeze", {"axes": [1]}, (3, 4)),
    (7, "Squeeze", {"axes": [1]}, (1, 4)),
    (7, "Pad", {"pads": [0, 1, 0, 0, 0, 2], "value": 1.5}, (3, 4)),
    (9, "Slice", {"starts": [1], "ends": [-1], "axes": [2]}, (3, 4)),
    (7, "Dropout", {"ratio": 0.9}, (3, 4)),
    (7, "Softmax", {}, (3, 4)),
    (7, "LogSoftmax", {"axis": 1}, (3, 4)),
    (7, "Upsample", {"scales": [1.0, 1.0, 2.0, 3.0], "mode": "nearest"}, (1, 2, 2)),
    (7, "ReduceSum", {"axes": [-1], "keepdims": 0}, (3, 4)),
    (7, "BatchNormalization", {}, (3, 4)),
    (8, "MaxPool", {"kernel_shape": [2]}, (3, 4)),
    (7, "AveragePool", {"kernel_shape": [2], "pads": [1, 1]}, (3, 4)),
]


@pytest.mark.parametrize("opset, op, attributes, shape", OLD_FORMS)
def test_older_forms(opset: int, op: str, attributes: dict[str, Any], shape: tuple[int, ...]) -> None:
    net = Network(1, shape, opset)
    others = [net.weight(np.full(3, v, np.float32)) for v in (2, 1, 0.5, 4)] if op == "BatchNormalization" else []
    net.step(op, *others, **attributes)
    check(net.model(), shape)


def test_split_sizes_as_attribute() -> None:
    net = Network(1, (7, 2), 11)
    net.nodes.append(helper.make_node("Split", ["x"], ["a", "b"], axis=1, split=[2, 5]))
    net.last = "b"
    check(net.model(), (7, 2))


def test_large_models_are_read_in_linear_time() -> None:
    """20,000 nodes, and weights of 8 million numbers that are not copied more than once or twice."""
    net = Network(0, (16,), 13)
    for _ in range(10_000):
        net.step("Relu")
        net.step("Add", "x")
    net.step("MatMul", net.weight(np.ones((16, 500_000), np.float32)))
    model = net.model()
    start = time.process_time()
    graph = from_onnx(model)
    assert len(graph.nodes) == 20_003
    assert time.process_time() - start < 15
