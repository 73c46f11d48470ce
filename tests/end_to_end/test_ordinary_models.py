"""Small models of the kinds that people export, from file to verified build: the numbers of their own runtime.

The witness is onnxruntime without graph optimisation, or the QONNX executor for its operators. Inputs lie on half steps
of the input's grid, so that ties are met.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from nc.compiler.data import load
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.evaluating import evaluate
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.verifying import verify
from nc.compiler.frontends.onnx import read_onnx
from nc.compiler.ports import port_rounding, real_of, to_port
from nc.ir.diagnostics import NcError

SAMPLES = 400
STEPS = 12  # half steps of the input's grid on either side of zero

ONE_OPERATION = [
    "01_resize_nearest_1p3_shape",
    "03_resize_opset10_down",
    "04_convtranspose_zero_point",
    "05_convtranspose_output_shape",
    "06_qlinearadd_odd_zero_point",
    "06c_qlinearaveragepool_odd_zero_point",
    "07_input_odd_zero_point_ties",
    "08_sigmoid_output_quantised",
    "09_qdq_softmax_verify_fails",
    "10_qonnx_trunc",
    "11_multithreshold_infinity",
    "12_pad_minus_inf_maxpool",
    "13_float16_qdq",
    "14_resize_linear",
    "15_streaming_padded_conv_zero_point",
    "16_activation_zero_points_per_channel_same_parity",
    "17_input_quant_floor",
    "18_reducel2_range",
    "19_pow3",
    "21_unet1d_zero_points",
]
STYLE = {"15_streaming_padded_conv_zero_point": ["style=streaming"]}
LOGITS = {"09_qdq_softmax_verify_fails": "Softmax"}  # the head that is left out, with a note


@pytest.mark.parametrize("name", ONE_OPERATION)
def test_one_operation(shared: Path, tmp_path: Path, name: str) -> None:
    model = shared / "cases" / "onnx" / f"{name}.onnx"
    made = compile(model, target="fpga", output=tmp_path / "b", set=STYLE.get(name, []))
    opened = Opened.of(made.build.folder)
    graph = opened.integer
    ((label, value),) = graph.inputs.items()
    kind = graph.type(value)
    step = float(max(kind.meaning.scale)) if kind.meaning is not None else 1.0
    rng = np.random.default_rng(0)
    x = rng.integers(-STEPS, STEPS + 1, (SAMPLES, *kind.shape)) * step / 2
    found = opened.form.run(graph, {label: to_port(x, kind, port_rounding(graph, label))})
    wanted = _witnessed(model, x, LOGITS.get(name))
    for (output, made_value), reference in zip(graph.outputs.items(), wanted, strict=True):
        real = real_of(found[output], graph.type(made_value))
        np.testing.assert_allclose(real.reshape(reference.shape), reference, rtol=1e-5, atol=1e-6)
    verification = verify(made.build.folder)
    assert verification.ok, verification.links


def _witnessed(path: Path, x: Any, head: str | None) -> list[Any]:
    """What the reference runtime answers to x (N, *shape); without the operator `head` at the end."""
    model = onnx.load(path)
    if head is not None:
        last = model.graph.node.pop()
        assert last.op_type == head
        model.graph.output[0].name = last.input[0]
    if any(node.domain.startswith("qonnx") for node in model.graph.node):
        return _qonnx(model, x)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    port = session.get_inputs()[0]
    return list(session.run(None, {port.name: x.astype({"tensor(float16)": np.float16}.get(port.type, np.float32))}))


def _qonnx(model: Any, x: Any) -> list[Any]:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(x)
    wrapped = ModelWrapper(model).transform(InferShapes())
    answer = execute_onnx(wrapped, {model.graph.input[0].name: x.astype(np.float32)})
    return [answer[output.name] for output in model.graph.output]


@pytest.mark.parametrize("target", ["fpga", "printed"])
@pytest.mark.parametrize(
    ("name", "data", "accuracy"),
    [
        ("sklearn_tree", "breast_cancer", 0.947),
        ("xgboost", "breast_cancer", 0.947),
        ("pipeline_scaler_logreg", "breast_cancer", 0.964),
        ("pipeline_scaler_mlp", "breast_cancer", 0.976),
        ("sklearn_mlp", "sklearn_mlp", 0.79),
    ],
)
def test_classical(shared: Path, tmp_path: Path, name: str, data: str, accuracy: float, target: str) -> None:
    """Decided as the exporter's own runtime decides, but for rows at an edge of the input's grid."""
    cases = shared / "cases"
    model, test = cases / f"{name}.onnx", load(cases / f"{data}_test.npz")
    made = compile(model, target=target, output=tmp_path / "b", calib=cases / f"{data}_train.npz")
    assert "NC316" not in [warning.code for warning in made.warnings]
    judged = evaluate(made.build.folder, test)
    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    labels = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: test.x.astype(np.float32)})[0]
    assert np.mean(labels.ravel() == test.y) == pytest.approx(accuracy, abs=0.005)  # published to two digits
    opened = Opened.of(made.build.folder)
    inputs = opened.form.bind(opened.integer, test, opened.settings)
    decided = opened.form.decide(opened.integer, opened.form.run(opened.integer, inputs))
    assert np.mean(decided == labels.ravel()) >= 0.99
    assert judged.accuracy == pytest.approx(accuracy, abs=0.01)
    assert verify(made.build.folder).ok


@pytest.mark.parametrize("target", ["fpga", "printed", "sfq"])
@pytest.mark.parametrize("name", ["pad3", "pad128"])
def test_padding_value(shared: Path, tmp_path: Path, name: str, target: str) -> None:
    made = compile(shared / "cases" / f"{name}.onnx", target=target, output=tmp_path / "b")
    verification = verify(made.build.folder)
    assert verification.ok, verification.links


@pytest.mark.parametrize(
    ("name", "target"), [("concat_scales", "fpga"), ("concat_scales", "sfq"), ("add_learned", "fpga")]
)
def test_joined_scales(shared: Path, tmp_path: Path, name: str, target: str) -> None:
    """Branches whose scales are not related join in small integers."""
    made = compile(shared / "cases" / f"{name}.onnx", target=target, output=tmp_path / "b")
    assert made.integer_bits <= 16
    assert verify(made.build.folder).ok


def test_one_probability(shared: Path, tmp_path: Path) -> None:
    """A network that ends in one sigmoid decides at a probability of one half."""
    data = load(shared / "cases" / "one_sigmoid.npz")
    model = shared / "cases" / "one_sigmoid.onnx"
    probabilities = [_witnessed(model, sample[None], None)[0].item() for sample in data.x]  # its batch is one
    reference = float(np.mean((np.array(probabilities) > 0.5) == data.y))
    made = compile(model, target="fpga", output=tmp_path / "b", calib=data)
    judged = evaluate(made.build.folder, data)
    assert judged.float_accuracy == pytest.approx(reference, abs=1e-9)
    assert judged.agreement is not None and judged.agreement > 0.97
    with pytest.raises(NcError, match="label"):
        evaluate(made.build.folder, replace(data, y=np.full(len(data), 7)))


def test_constant_output_is_said(shared: Path, tmp_path: Path) -> None:
    calib = shared / "cases" / "one_sigmoid.npz"
    made = compile(shared / "cases" / "deep.onnx", target="fpga", output=tmp_path / "b", calib=calib)
    assert "NC316" in [warning.code for warning in made.warnings]
    assert made.build.manifest.to_json()["warnings"]


@pytest.mark.slow
def test_recurrent_batch_first(shared: Path, tmp_path: Path) -> None:
    cases = shared / "cases"
    made = compile(
        cases / "gru_batch_first.onnx", target="fpga", output=tmp_path / "b", calib=cases / "cnn1d_train.npz"
    )
    agreement = evaluate(made.build.folder, cases / "cnn1d_test.npz").agreement
    assert agreement is not None and agreement >= 0.95


@pytest.mark.parametrize("name", ["deepset", "groupnorm", "lstm", "tcn", "twohead", "vit"])
@pytest.mark.parametrize("exporter", ["ts", "dyn"])
def test_torch_exports_are_read(shared: Path, name: str, exporter: str) -> None:
    read_onnx(shared / "models" / "torch" / f"{name}_{exporter}.onnx")
