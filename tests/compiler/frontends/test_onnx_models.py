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


def _executor(path: Path, x: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Every tensor of the QONNX reference executor, all samples at once; the quantisers' results by node."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapped = ModelWrapper(str(path))
    del wrapped.graph.value_info[:]  # shapes of the stated batch
    (output,) = wrapped.graph.output
    output.type.tensor_type.ClearField("shape")
    port = wrapped.graph.input[0].name
    wrapped.set_tensor_shape(port, list(x.shape))
    wrapped = wrapped.transform(InferShapes())
    quantisers = {n.name: n.output[0] for n in wrapped.graph.node if n.op_type in ("Quant", "BipolarQuant")}
    return execute_onnx(wrapped, {port: x}, return_full_exec_context=True), quantisers


@needs_shared
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name, low, high, scale",
    [
        ("digits_w4a4_p70", 0, 16, 1.0),
        ("digits_w6a6", 0, 16, 1.0),
        ("jsclike_w6a6_p70", -128, 127, 1.0),
        ("qkeras_jettagging", -128, 127, 2.0**-5),
        ("TFC_1W1A", 0, 255, 1 / 255),
    ],
)
def test_quantised_models_agree_with_the_qonnx_executor(name: str, low: int, high: int, scale: float) -> None:
    """Every quantised tensor is equal, bit for bit; the float results behind them to float32's precision."""
    path = model(f"qonnx/{name}")
    graph = read_onnx(path)
    verify(graph, "float")
    ((label, port),) = graph.inputs.items()
    whole = np.random.default_rng(1).integers(low, high + 1, (500, *graph.type(port).shape))
    x = (whole * scale).astype(np.float32)
    theirs, quantisers = _executor(path, x)
    probes = {v: n.origin for v, n in enumerate(graph.nodes) if n.op.name == "dequantize"}
    found = evaluate(graph, {label: x}, probes=tuple(probes))
    assert set(probes.values()) == set(quantisers)
    for value, node in probes.items():
        ours_here, theirs_here = found[f"%{value}"], theirs[quantisers[node]]
        constant = ours_here.ndim > theirs_here.ndim  # a weight: repeated for every sample
        np.testing.assert_array_equal(ours_here[0] if constant else ours_here, theirs_here, node)
    (output,) = graph.outputs
    np.testing.assert_allclose(found[output], theirs[output], rtol=1e-6, atol=1e-6)


@needs_shared
@pytest.mark.parametrize("name", ["digits_w4a4_p70", "digits_w6a6", "digits_w6a6_p70", "jsclike_w6a6_p70"])
def test_stored_vectors_are_met_exactly(name: str) -> None:
    graph = read_onnx(model(f"qonnx/{name}"))
    with np.load(Path(SHARED or ".") / "models" / "qonnx" / f"{name}_vectors.npz") as stored:
        np.testing.assert_array_equal(ours(graph, stored["x"]), stored["out"])
