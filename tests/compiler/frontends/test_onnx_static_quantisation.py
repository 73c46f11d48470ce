"""Models as onnxruntime's static quantisation writes them (QDQ and QOperator) agree with onnxruntime.

Their integer graph is equal to exact evaluation of the file: no sample may differ.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.config import Common
from nc.compiler.frontends.onnx import from_onnx, read_onnx
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.ir.graph import Graph, prune
from nc.ir.interpret import evaluate
from nc.ir.verify import verify


def float_model() -> onnx.ModelProto:
    """Two convolutions joined, pools, a matrix product, softmax.

    The means are over three values: over four, a fifth of all results are exact ties, which float32 decides by noise.
    """
    rng = np.random.default_rng(2)
    shapes = {"w1": (4, 2, 3, 3), "b1": (4,), "w2": (4, 2, 1, 1), "w3": (5, 72), "b3": (5,)}
    weights = {n: (rng.normal(size=s) / np.sqrt(s[-1] * 3)).astype(np.float32) for n, s in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1], name="c1"),
        helper.make_node("Relu", ["c1"], ["r1"], name="r1"),
        helper.make_node("Conv", ["x", "w2"], ["c2"], name="c2"),
        helper.make_node("Add", ["r1", "c2"], ["a"], name="a"),
        helper.make_node("Sigmoid", ["a"], ["s"], name="s"),
        helper.make_node("Concat", ["a", "s"], ["j"], axis=1, name="j"),
        helper.make_node("MaxPool", ["j"], ["m"], kernel_shape=[2, 2], strides=[2, 2], name="m"),
        helper.make_node("AveragePool", ["m"], ["p"], kernel_shape=[1, 3], name="p"),
        helper.make_node("GlobalAveragePool", ["p"], ["g"], name="g"),
        helper.make_node("Mul", ["m", "g"], ["u"], name="u"),
        helper.make_node("Flatten", ["u"], ["f"], name="f"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["l"], transB=1, name="l"),
        helper.make_node("Softmax", ["l"], ["y"], axis=-1, name="y"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_layout_before_the_input_quantiser() -> None:
    """Channels last, as Keras has them: the port is the quantiser's behind the transposition."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("QuantizeLinear", ["t", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Flatten", ["d"], ["f"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["v"]),
        helper.make_node("MatMul", ["f", "v"], ["l"]),
        helper.make_node("Softmax", ["l"], ["y"], axis=-1),
    ]
    rng = np.random.default_rng(5)
    weights = {"s": np.float32(0.03), "z": np.uint8(139), "w": rng.integers(-128, 128, (72, 5)).astype(np.int8)}
    graph = helper.make_graph(
        nodes,
        "channels_last",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6, 6, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    integers_are_exact(from_onnx(made), samples(1, 50).transpose(0, 2, 3, 1))


def samples(seed: int, count: int) -> Any:
    return np.random.default_rng(seed).normal(size=(count, 2, 6, 6)).astype(np.float32)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activations, weights", [("QUInt8", "QInt8"), ("QInt8", "QInt8"), ("QUInt8", "QUInt8")])
def test_statically_quantised_models(
    tmp_path: Path, form: str, per_channel: bool, activations: str, weights: str, caplog: pytest.LogCaptureFixture
) -> None:
    import onnxruntime
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter([{"x": samples(0, 64)}])

        def get_next(self) -> Any:
            return next(self.left, None)

    caplog.set_level(logging.ERROR)
    onnx.save(float_model(), tmp_path / "float.onnx")
    q.quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "quantised.onnx",
        Reader(),
        quant_format=q.QuantFormat[form],
        per_channel=per_channel,
        activation_type=q.QuantType[activations],
        weight_type=q.QuantType[weights],
        reduce_range=True,  # on processors without VNNI onnxruntime saturates sums of pairs of 8 by 8 bits
    )
    graph = read_onnx(tmp_path / "quantised.onnx")
    verify(graph, "float")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(tmp_path / "quantised.onnx"), options)
    x = samples(1, 200)
    apart = np.abs(evaluate(graph, {"x": x})["y"] - session.run(None, {"x": x})[0]).max(axis=1)
    assert np.count_nonzero(apart > 1e-5) <= 4  # ties that float32, or the rounding of its integer kernels, decides
    assert apart.max() < 0.02
    integers_are_exact(graph, x)


def integers_are_exact(graph: Graph, x: Any) -> None:
    """The integer graph's logits equal those of the float graph evaluated in float64."""
    softmax = next(n for n in graph.nodes if n.op.name == "softmax")
    logits = prune(Graph(graph.nodes, {"logits": softmax.operands[0]}))
    integer, _ = run_passes(logits, to_integers(logits, Common(), None))
    (port,), (output,) = integer.inputs.values(), integer.outputs.values()
    kind, meaning = integer.type(port), integer.type(port).meaning
    assert meaning is not None
    grid = np.rint(x.astype(np.float64) / float(meaning.scale[0])) - float(meaning.offset[0] / meaning.scale[0])
    made = evaluate(integer, {"x": np.clip(grid, kind.int.lo, kind.int.hi).astype(np.int64)})["logits"]
    stands = integer.type(output).meaning
    assert stands is not None
    real = made * float(stands.scale[0]) + float(stands.offset[0])
    np.testing.assert_allclose(real, evaluate(logits, {"x": x})["logits"], rtol=0, atol=1e-9)
