"""QONNX's channels-last layers against QONNX's own executor."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.frontends.onnx import from_onnx
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

DOMAIN = "qonnx.custom_op.channels_last"


def test_layers_with_channels_behind() -> None:
    pytest.importorskip("qonnx")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    random = np.random.default_rng(0)
    weights = {"w": random.normal(size=(4, 3, 2, 2)), "scale": random.normal(size=4), "bias": random.normal(size=4),
               "mean": random.normal(size=4), "var": random.uniform(1, 2, size=4)}  # fmt: skip
    window = {"strides": [1, 1], "pads": [1, 0, 1, 0]}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], domain=DOMAIN, kernel_shape=[3, 2], dilations=[1, 1], group=1,
                         **window),
        helper.make_node("BatchNormalization", ["c", "scale", "bias", "mean", "var"], ["b"], domain=DOMAIN,
                         epsilon=1e-5, momentum=0.9),
        helper.make_node("MaxPool", ["b"], ["y"], domain=DOMAIN, kernel_shape=[2, 2], strides=[2, 1],
                         pads=[0, 0, 0, 0]),
    ]  # fmt: skip
    shapes = {"x": [1, 6, 5, 2], "c": [1, 6, 4, 4], "b": [1, 6, 4, 4], "y": [1, 3, 3, 4]}
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    initialisers = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[3:], initialisers, value_info=infos[1:3])
    opsets = [helper.make_opsetid("", 11), helper.make_opsetid(DOMAIN, 9)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    x = random.normal(size=(1, 6, 5, 2)).astype(np.float32)
    want = execute_onnx(ModelWrapper(model), {"x": x})["y"]
    assert np.allclose(evaluate(from_onnx(model), {"x": x})["y"], want, atol=1e-5)


def test_an_input_without_space() -> None:
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    node = helper.make_node("MaxPool", ["x"], ["y"], domain=DOMAIN, kernel_shape=[2])
    opsets = [helper.make_opsetid("", 11), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(helper.make_graph([node], "g", [info], [output]), opset_imports=opsets, ir_version=8)
    with pytest.raises(NcError, match=r"MaxPool must have an input \(N, \*spatial, C\), not \[N, 4\]"):
        from_onnx(model)
