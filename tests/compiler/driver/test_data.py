"""DATA as people have it, at every command: the iris table in many forms, networks of several inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.cli.main import run

NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
TWO_INPUTS = """<ir_version: 8, opset_import: ["": 13]> two (float[N, 2] a, float[N, 3] b) => (float[N, 2] y)
<float[2, 2] v = {1.0, -2.0, 3.0, 1.0}, float[3, 2] w = {1.0, 0.5, -1.0, 2.0, 0.25, 1.0}>
{ p = MatMul(a, v) q = MatMul(b, w) y = Add(p, q) }"""


@pytest.fixture(scope="module")
def iris() -> Any:
    return pytest.importorskip("sklearn.datasets").load_iris()


@pytest.fixture
def classifier(tmp_path: Path, iris: Any) -> Path:
    """Logistic regression as one Gemm, trained here."""
    linear = pytest.importorskip("sklearn.linear_model").LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    weights = {"w": linear.coef_.T, "b": linear.intercept_}
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "iris",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(np.asarray(a, np.float32), k) for k, a in weights.items()],
    )
    path = tmp_path / "iris.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def written(iris: Any, path: Path, header: str, first: bool, names: bool, sep: str, point: str = ".") -> Path:
    """The iris table; `header`: the label's name, '' for no header; `names`: labels as names."""
    rows = [[*NAMES]] if header else []
    rows += [[f"{value}".replace(".", point) for value in row] for row in iris.data]
    labels = [header] if header else []
    labels += [str(iris.target_names[i]) if names else str(i) for i in iris.target]
    joined = [[label, *row] if first else [*row, label] for row, label in zip(rows, labels, strict=True)]
    path.write_text("".join(sep.join(row) + "\n" for row in joined))
    return path


def evaluated(capsys: pytest.CaptureFixture[str], model: Path, data: Path, *options: str) -> dict[str, Any]:
    """Calibrated and judged on the same file."""
    build = model.with_name("build")
    assert run(["compile", str(model), "-o", str(build), "--target", "paper", "--calib", str(data), *options]) == 0
    capsys.readouterr()
    assert run(["eval", str(build), "--data", str(data), "--json", *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("header", "first", "names", "sep", "point"),
    [
        ("species", False, True, ",", "."),
        ("species", True, True, ";", ","),
        ("Class", True, False, ",", "."),
        ("species", False, False, ",", "."),
        ("", False, True, ",", "."),
        ("", True, False, "\t", "."),
        ("", False, False, ";", ","),
    ],
)
def test_iris(
    tmp_path: Path, classifier: Path, iris: Any, capsys: pytest.CaptureFixture[str],
    header: str, first: bool, names: bool, sep: str, point: str,
) -> None:  # fmt: skip
    """146 of the 150 flowers, as the float model: every form of the table is the same data."""
    found = evaluated(capsys, classifier, written(iris, tmp_path / "d.csv", header, first, names, sep, point))
    assert found["samples"] == 150
    assert found["float_accuracy"] == pytest.approx(146 / 150)
    assert found["accuracy"] >= 145 / 150


def test_iris_with_a_missing_value(
    tmp_path: Path, classifier: Path, iris: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(iris, tmp_path / "d.csv", "species", False, True, ",")
    lines = path.read_text().splitlines()
    lines[4] = ",".join(["4.6", "", *lines[4].split(",")[2:]])
    path.write_text("\n".join(lines))
    assert run(["compile", str(classifier), "-o", str(tmp_path / "b"), "--target", "paper", "--calib", str(path)]) == 1
    assert capsys.readouterr().err.endswith(
        "error[NC405]: a cell must be a finite number, not empty\n  --> d.csv:5: tensor 'sepal width'\n"
        "  help: --missing mean fills such cells with the column's mean, --missing drop leaves such rows out\n"
    )
    assert evaluated(capsys, classifier, path, "--missing", "drop")["samples"] == 149
    assert evaluated(capsys, classifier, path, "--missing", "mean")["samples"] == 150


def test_a_build_keeps_the_class_names(
    tmp_path: Path, classifier: Path, iris: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test file without the first class still means the same classes; a name that none has is refused."""
    path = written(iris, tmp_path / "d.csv", "species", False, True, ",")
    evaluated(capsys, classifier, path)
    manifest = json.loads((tmp_path / "build" / "manifest.json").read_text())
    assert manifest["calibration"]["classes"] == ["setosa", "versicolor", "virginica"]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[51:]]))
    assert run(["eval", str(tmp_path / "build"), "--data", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["float_accuracy"] == pytest.approx(96 / 100)
    path.write_text("\n".join([lines[0], "5,3,1,.2,rose"]))
    assert run(["eval", str(tmp_path / "build"), "--data", str(path)]) == 1
    assert "a label must be one of setosa, versicolor, virginica, not 'rose'" in capsys.readouterr().err


def test_a_column_by_name(tmp_path: Path, classifier: Path, iris: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A table with more columns than the model has inputs."""
    path = written(iris, tmp_path / "d.csv", "species", False, True, ",")
    lines = [f"{'flower' if not i else i * 10},{line}" for i, line in enumerate(path.read_text().splitlines())]
    path.write_text("\n".join(lines))
    assert run(["compile", str(classifier), "-o", str(tmp_path / "b"), "--target", "paper", "--calib", str(path)]) == 1
    assert "a sample must have the shape [4]" in capsys.readouterr().err
    found = evaluated(capsys, classifier, path, "--x", ",".join(NAMES), "--label", "species")
    assert found["float_accuracy"] == pytest.approx(146 / 150)


@pytest.mark.parametrize("target", ["paper", "fpga"])
def test_several_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    """Calibrated, judged and simulated with an array for each input; the float model is y = a v + b w."""
    onnx.save(onnx.parser.parse_model(TWO_INPUTS), tmp_path / "two.onnx")
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (64, 2)), rng.uniform(0, 2, (64, 3))
    v, w = np.array([[1, -2], [3, 1]]), np.array([[1, 0.5], [-1, 2], [0.25, 1]])
    np.savez(tmp_path / "d.npz", a=a, b=b, y=(a @ v + b @ w).argmax(axis=1))
    build = tmp_path / "build"
    given = ["compile", str(tmp_path / "two.onnx"), "-o", str(build), "--target", target]
    assert run([*given, "--calib", str(tmp_path / "d.npz"), "--quiet"]) == 0
    assert run(["eval", str(build), "--data", str(tmp_path / "d.npz"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["float_accuracy"] == 1.0 and found["agreement"] >= 0.95
    if target == "fpga":
        more = ["--vectors", "8", "--engine", "amaranth", "--quiet"]
        assert run(["simulate", str(build), "--data", str(tmp_path / "d.npz"), *more]) == 0
    np.savez(tmp_path / "d.npz", a=a, y=np.zeros(64, int))
    assert run([*given, "--calib", str(tmp_path / "d.npz"), "--quiet", "--force"]) == 1
    assert "an array for each input of the model, a, b, not only a, y" in capsys.readouterr().err
