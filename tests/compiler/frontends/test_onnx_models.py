"""Whole models against their reference executors: onnxruntime for float models, qonnx for quantised ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from nc.compiler.frontends.onnx import read_onnx
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate
from nc.ir.verify import verify

SHARED = os.environ.get("NC_SHARED")
needs_shared = pytest.mark.skipif(SHARED is None, reason="NC_SHARED names no folder of extra models")


def model(name: str) -> Path:
    return Path(SHARED or ".") / "models" / f"{name}.onnx"


def ours(graph: Graph, x: Any, dtype: Any = np.float64) -> Any:
    (label,) = graph.inputs
    return next(iter(evaluate(graph, {label: x}, dtype=dtype).values()))


@needs_shared
@pytest.mark.parametrize("name", ["onnx/conv2d_small_keras", "onnx/three_layer_pytorch"])
def test_float_models_agree_with_onnxruntime(name: str) -> None:
    import onnxruntime

    graph = read_onnx(model(name))
    verify(graph, "float")
    session = onnxruntime.InferenceSession(str(model(name)), providers=["CPUExecutionProvider"])
    port = session.get_inputs()[0]
    batch = 1 if name.endswith("keras") else port.shape[0]
    shape = tuple(port.shape[1:])
    x = np.random.default_rng(0).normal(size=(64, *shape)).astype(np.float32)
    if batch == 1:
        theirs = np.concatenate([session.run(None, {port.name: row[None]})[0] for row in x])
    else:
        loaded = onnx.load(model(name))  # its batch is stated as 789,444: free it
        loaded.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
        loaded.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
        free = onnxruntime.InferenceSession(loaded.SerializeToString(), providers=["CPUExecutionProvider"])
        theirs = free.run(None, {port.name: x})[0]
    np.testing.assert_allclose(ours(graph, x), theirs, rtol=1e-5, atol=1e-6)


def _executor(name: str, x: Any) -> Any:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapped = ModelWrapper(str(model(name)))
    port = wrapped.graph.input[0].name
    wrapped.set_tensor_shape(port, [1, *x.shape[1:]])
    wrapped = wrapped.transform(InferShapes())
    rows = [execute_onnx(wrapped, {port: row[None]})[wrapped.graph.output[0].name] for row in x]
    return np.concatenate(rows)


@needs_shared
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name, low, high, scale, count",
    [
        ("qonnx/digits_w4a4_p70", 0, 16, 1.0, 16),
        ("qonnx/jsclike_w6a6_p70", -128, 127, 1.0, 16),
        ("qonnx/qkeras_jettagging", -128, 127, 2.0**-5, 16),
        ("qonnx/TFC_1W1A", 0, 255, 1 / 255, 4),
    ],
)
def test_quantised_models_agree_with_the_qonnx_executor(
    name: str, low: int, high: int, scale: float, count: int
) -> None:
    graph = read_onnx(model(name))
    verify(graph, "float")
    (port,) = graph.inputs.values()
    shape = graph.type(port).shape
    whole = np.random.default_rng(1).integers(low, high + 1, (count, *shape))
    x = (whole * scale).astype(np.float32)
    np.testing.assert_allclose(ours(graph, x), _executor(name, x), rtol=1e-6, atol=1e-6)


@needs_shared
@pytest.mark.parametrize("name", ["digits_w4a4_p70", "digits_w6a6", "digits_w6a6_p70", "jsclike_w6a6_p70"])
def test_stored_vectors_are_met_exactly(name: str) -> None:
    graph = read_onnx(model(f"qonnx/{name}"))
    with np.load(Path(SHARED or ".") / "models" / "qonnx" / f"{name}_vectors.npz") as stored:
        np.testing.assert_array_equal(ours(graph, stored["x"]), stored["out"])
