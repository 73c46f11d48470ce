"""Quantised networks of others keep their own arithmetic: our integers equal the QONNX reference executor's numbers."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.config import Common
from nc.compiler.frontends.onnx import read_onnx
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.compiler.ports import real_of, to_port
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate

EXAMPLES = Path(__file__).parents[2] / "examples"
ORACLE = Path(__file__).with_name("tfc_mnist_decisions.npz")


def integers(path: Path, **port: object) -> Graph:
    graph = read_onnx(path)
    (label,) = graph.inputs
    common = Common.model_validate({"input": {label: port} if port else {}})
    return run_passes(graph, to_integers(graph, common, None))[0]


def outputs(graph: Graph, x: np.ndarray) -> np.ndarray:
    (label,), (name,) = graph.inputs, graph.outputs
    q = evaluate(graph, {label: to_port(x, graph.type(graph.inputs[label]))})[name]
    return real_of(q, graph.type(graph.outputs[name]))


def executor(path: Path, tensor: str, x: np.ndarray) -> np.ndarray:
    """The reference executor's value of an inner tensor, in one batch."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ModelWrapper(str(path))
        entry = model.graph.input[0]
        entry.type.tensor_type.shape.dim[0].dim_value = len(x)
        from qonnx.transformation.infer_shapes import InferShapes

        model = model.transform(InferShapes())
        context = execute_onnx(model, {entry.name: x.astype(np.float32)}, return_full_exec_context=True)
    return np.asarray(context[tensor])


def test_jet_tagging_logits_are_exact(shared: Path) -> None:
    path = shared / "models" / "qonnx" / "qkeras_jettagging.onnx"
    graph = integers(path, bits=8, signed=True, scale="2**-5")
    x = np.random.default_rng(0).integers(-128, 128, (10_000, 16)) / 32
    assert np.array_equal(outputs(graph, x), executor(path, "Add_3_out0", x))


@pytest.mark.parametrize("name", ["digits_w4a4_p70", "digits_w6a6_p70", "digits_w6a6", "jsclike_w6a6_p70"])
def test_networks_with_vectors_are_exact(shared: Path, name: str) -> None:
    folder = shared / "models" / "qonnx"
    vectors = np.load(folder / f"{name}_vectors.npz")
    assert np.array_equal(outputs(integers(folder / f"{name}.onnx"), vectors["x"]), vectors["out"])


def test_tfc_decides_like_the_executor_on_all_of_mnist(shared: Path) -> None:
    """The executor's decisions on the 10,000 test images, pixels / 255, are stored: it takes 15 minutes for them."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        from datasets import mnist
    finally:
        sys.path.remove(str(EXAMPLES))
    data = mnist()
    graph = integers(shared / "models" / "qonnx" / "TFC_1W1A.onnx", bits=8, scale="1/255")
    made = outputs(graph, data.x_test.reshape(-1, 1, 28, 28) / 255).argmax(axis=1)
    assert np.array_equal(made, np.load(ORACLE)["decisions"])
    assert np.mean(made == data.y_test) == 0.9296
