"""nc eval: thresholds of single outputs, regressions in their own figures, labels that no class has, layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import numpy_helper

from nc.compiler.cli.main import run
from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import integer_model
from nc.compiler.driver.evaluating import Evaluation, Task, judged
from nc.ir.diagnostics import NcError

HEAD = '<ir_version: 8, opset_import: ["": 13]> net '
REGRESSION = HEAD + "(float[N, 3] x) => (float[N, K] y) { h = MatMul(x, W) r = Relu(h) m = MatMul(r, V) y = Add(m, b) }"
RNG = np.random.default_rng(4)
W, V, B = RNG.normal(size=(3, 16)), RNG.normal(size=(16, 2)), np.array([3.0, -40.0])
X = RNG.normal(size=(300, 3)).astype(np.float32)


def saved(folder: Path, text: str, **weights: np.ndarray) -> Path:
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(numpy_helper.from_array(w.astype(np.float32), k) for k, w in weights.items())
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


def reference(path: Path, x: np.ndarray) -> np.ndarray:
    return np.asarray(onnxruntime.InferenceSession(path).run(None, {"x": x})[0])


def evaluated(path: Path, y: np.ndarray | None, task: Task | None = None, layers: bool = False) -> Evaluation:
    model = integer_model(str(path), target="fpga", calib=Dataset.of(X))
    data = Dataset.of(X, y)
    return judged(model.form, model.settings, model.integer, model.real, data, task=task, layers=layers)


def test_a_single_sigmoid_decides_at_one_half(tmp_path: Path) -> None:
    net = saved(tmp_path, HEAD + "(float[N, 3] x) => (float[N, 1] y) { h = MatMul(x, W) y = Sigmoid(h) }", W=W[:, :1])
    y = (reference(net, X)[:, 0] > 0.5).astype(np.int64)
    found = evaluated(net, y)
    assert 50 < y.sum() < 250
    assert found.float_accuracy == 1 and found.accuracy is not None and found.accuracy > 0.98
    assert found.agreement is not None and found.agreement > 0.98
    (row,) = found.outputs
    assert row.task == "classification" and row.classes == 2 and row.sqnr_db is not None and row.sqnr_db > 35


@pytest.mark.parametrize(("shape", "classes"), [(1, 2), (2, 2)])
def test_labels_that_no_class_has(tmp_path: Path, shape: int, classes: int) -> None:
    head = "y = Sigmoid(h)" if shape == 1 else "y = Softmax(h)"
    net = saved(tmp_path, HEAD + f"(float[N, 3] x) => (float[N, {shape}] y) {{ h = MatMul(x, W) {head} }}",
                W=W[:, :shape])  # fmt: skip
    y = np.zeros(300, np.int64)
    y[5] = 7
    with pytest.raises(NcError) as caught:
        evaluated(net, y)
    assert str(caught.value) == (
        f"error[NC433]: a label must be one of the network's {classes} classes, 0 to 1, not 7 in sample 5 "
        "(1 of 300 labels)\n  --> arrays: tensor 'y'\n"
        "  help: number the classes from 0 in the order of the outputs; for numbers: --task regression"
    )


def test_a_regression(tmp_path: Path) -> None:
    net = saved(tmp_path, REGRESSION.replace("K", "2"), W=W, V=V, b=B)
    real = reference(net, X)
    y = real + RNG.normal(size=real.shape)
    found = evaluated(net, y)
    (row,) = found.outputs
    assert found.accuracy is None and found.float_accuracy is None and found.agreement is None
    assert row.task == "regression" and row.rmse is not None and row.r2 is not None
    assert row.float_rmse == pytest.approx(np.sqrt(np.mean((real - y) ** 2)), abs=1e-5)
    spread = ((y - y.mean(axis=0)) ** 2).sum()
    assert row.float_r2 == pytest.approx(1 - ((real - y) ** 2).sum() / spread, abs=1e-5)
    assert row.rmse == pytest.approx(row.float_rmse, rel=0.05) and row.r2 == pytest.approx(row.float_r2, rel=0.05)
    assert row.sqnr_db is not None and 30 < row.sqnr_db < 90


def test_whole_numbers_of_one_output_are_a_regression_unless_they_are_two_classes(tmp_path: Path) -> None:
    net = saved(tmp_path, REGRESSION.replace("K", "1"), W=W, V=V[:, :1], b=B[:1])
    wanted = np.rint(np.abs(reference(net, X)[:, 0])).astype(np.int64)
    assert wanted.max() > 1
    assert evaluated(net, wanted).outputs[0].task == "regression"
    assert evaluated(net, wanted % 2).outputs[0].task == "classification"
    assert evaluated(net, wanted % 2, "regression").outputs[0].task == "regression"
    with pytest.raises(NcError, match=r"NC433.*2 classes, 0 to 1"):
        evaluated(net, wanted, "classification")


def test_numbers_for_a_classifier_are_refused(tmp_path: Path) -> None:
    net = saved(tmp_path, REGRESSION.replace("K", "2"), W=W, V=V, b=B)
    with pytest.raises(NcError, match=r"NC433\]: y must hold 2 numbers a sample, one an element of output 'y', not 1"):
        evaluated(net, np.linspace(0, 1, 300))
    with pytest.raises(NcError, match=r"NC407\]: labels must be class indices, integers from 0, not real"):
        evaluated(net, np.linspace(0.5, 1, 300), "classification")


def test_a_row_for_each_output(tmp_path: Path) -> None:
    net = saved(
        tmp_path, HEAD + "(float[N, 3] x) => (float[N, 2] y, float[N, 16] z) { z = MatMul(x, W) y = MatMul(z, V) }",
        W=W, V=V,
    )  # fmt: skip
    first, second = evaluated(net, reference(net, X).argmax(axis=1)).outputs
    assert (first.output, first.float_accuracy, first.classes) == ("y", 1, 2)
    assert (second.output, second.accuracy, second.classes) == ("z", None, 16)
    assert second.agreement is not None and second.agreement > 0.9


def test_the_layer_that_loses_precision_comes_first(tmp_path: Path) -> None:
    text = HEAD + "(float[N, 3] x) => (float[N, 2] y) { [a] h = MatMul(x, W) [b] r = Relu(h) [c] y = MatMul(r, V) }"
    text = text.replace("[a] ", "").replace("[b] ", "").replace("[c] ", "")
    model = onnx.parser.parse_model(text)
    for node, name in zip(model.graph.node, "abc", strict=True):
        node.name = name
    model.graph.initializer.extend(
        numpy_helper.from_array(w.astype(np.float32), k) for k, w in {"W": W, "V": V}.items()
    )
    onnx.save(model, tmp_path / "net.onnx")
    made = integer_model(str(tmp_path / "net.onnx"), target="fpga", calib=Dataset.of(X),
                         set=["quantise.layers.c.weight_bits=2"])  # fmt: skip
    found = judged(made.form, made.settings, made.integer, made.real, Dataset.of(X), layers=True).layers
    assert found is not None and [layer.layer for layer in found][0] == "c"
    ratios = {layer.layer: layer.sqnr_db for layer in found}
    assert set(ratios) == {"a", "b", "c"}
    assert ratios["c"] is not None and ratios["a"] is not None and ratios["a"] - ratios["c"] > 10


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON with the documented fields, a table for people, a task that does not exist."""
    net = saved(tmp_path, REGRESSION.replace("K", "1"), W=W, V=V[:, :1], b=B[:1])
    np.savez(tmp_path / "d.npz", x=X, y=reference(net, X))
    build, data = str(tmp_path / "b"), str(tmp_path / "d.npz")
    assert run(["compile", str(net), "-o", build, "--target", "printed", "--calib", data, "--quiet"]) == 0
    capsys.readouterr()
    assert run(["eval", build, "--data", data, "--layers", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == "regression" and found["rmse"] < 1 and found["r2"] > 0.99 and found["float_rmse"] < 1e-5
    assert [row["output"] for row in found["outputs"]] == ["y"] and found["layers"][0].keys() == {
        "layer", "op", "bits", "sqnr_db", "max_error"
    }  # fmt: skip
    assert run(["eval", build, "--data", data, "--layers"]) == 0
    assert "sqnr db" in capsys.readouterr().out
    assert run(["eval", build, "--data", data, "--task", "guess"]) == 2
