"""Trees, forests and linear classifiers exported by skl2onnx: the integer graph against scikit-learn."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc.backends.printed.flow import Circuit
from nc.backends.printed.lowering import to_words
from nc.compiler.frontends.onnx.classical import Codes, read_classifier
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

sklearn = pytest.importorskip("sklearn")
skl2onnx = pytest.importorskip("skl2onnx")


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 16, (240, 5))
    return x, np.digitize(x[:, 0] + x[:, 1] - x[:, 2] + rng.integers(0, 3, 240), [9, 16])


def _export(model: Any, features: int = 5) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert_sklearn(model, initial_types=[("x", FloatTensorType([None, features]))])


def _classify(onnx_model: Any, x: np.ndarray, codes: Codes) -> np.ndarray:
    graph = read_classifier(onnx_model, codes)
    got = evaluate(graph, {"x": x})["class"].reshape(len(x))
    words = to_words(graph)
    gates = Circuit.of_gates(words).gate_outputs(x)["class"].reshape(len(x))
    assert np.array_equal(got, gates)
    return got


@pytest.mark.parametrize(("scale", "classes"), [(1.0, 3), (1 / 16, 2), (0.3, 3)])
def test_tree_is_exact(scale: float, classes: int) -> None:
    from sklearn.tree import DecisionTreeClassifier

    x, y = _data()
    y = np.minimum(y, classes - 1)
    tree = DecisionTreeClassifier(max_leaf_nodes=20, random_state=0).fit(x * scale, y)
    got = _classify(_export(tree), x, Codes(scale=scale))
    assert np.array_equal(got, tree.predict(x * scale))


def test_labels_are_the_models_own() -> None:
    from sklearn.tree import DecisionTreeClassifier

    x, y = _data()
    tree = DecisionTreeClassifier(max_leaf_nodes=6, random_state=0).fit(x, y * 3 + 4)
    assert np.array_equal(_classify(_export(tree), x, Codes()), tree.predict(x))


def test_forest_agrees() -> None:
    from sklearn.ensemble import RandomForestClassifier

    x, y = _data()
    forest = RandomForestClassifier(5, max_leaf_nodes=8, random_state=0).fit(x, y)
    got = _classify(_export(forest), x, Codes(weight_bits=10))
    assert (got == forest.predict(x)).mean() > 0.99


@pytest.mark.parametrize("classes", [2, 3])
def test_linear_models_agree(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC, LinearSVC

    x, y = _data()
    y = np.minimum(y, classes - 1)
    for model in (LinearSVC(random_state=0), LogisticRegression(max_iter=2000), SVC(kernel="linear")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x / 16, y)
        got = _classify(_export(model), x, Codes(scale=1 / 16, weight_bits=12))
        assert (got == model.predict(x / 16)).mean() > 0.99, model


def test_other_kernels_are_refused() -> None:
    from sklearn.svm import SVC

    x, y = _data()
    with pytest.raises(NcError) as caught:
        read_classifier(_export(SVC(kernel="rbf").fit(x, y)))
    assert str(caught.value) == (
        "error[NC650]: the kernel of SVMClassifier must be LINEAR, not RBF\n"
        "  help: train a linear SVM: other kernels need every support vector"
    )


def test_other_models_are_refused() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    x, y = _data()
    with pytest.raises(NcError, match="the model must hold one of TreeEnsembleClassifier, LinearClassifier"):
        read_classifier(_export(KNeighborsClassifier().fit(x, y)))


@pytest.mark.parametrize("kind", ["tree", pytest.param("svm", marks=pytest.mark.slow)])
def test_a_file_becomes_a_printed_circuit(tmp_path: Path, kind: str) -> None:
    """Through the front door: compiled, evaluated on DATA, proved down to the mapped netlist."""
    pytest.importorskip("pyosys")
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    from nc.compiler.data import Dataset
    from nc.compiler.driver.compiling import compile
    from nc.compiler.driver.evaluating import evaluate as evaluate_build
    from nc.compiler.driver.verifying import verify

    x, y = _data()
    if kind == "tree":
        model = DecisionTreeClassifier(max_leaf_nodes=8, random_state=0).fit(x / 16, 2 * y + 1)
    else:
        model = LinearSVC(random_state=0, dual=False).fit(x / 16, y)
    labels = model.predict(x / 16)
    path = tmp_path / "model.onnx"
    path.write_bytes(_export(model).SerializeToString())
    made = compile(path, target="printed", output=tmp_path / "build", set=("input.x.bits=4",))
    assert not (tmp_path / "build" / "float.nc").exists()
    assert made.build.manifest.estimate["area_cm2"] > 0
    found = evaluate_build(tmp_path / "build", Dataset.of(x / 16, labels))
    assert found.accuracy is not None and found.accuracy >= (1 if kind == "tree" else 0.97)
    links = verify(tmp_path / "build").links
    assert {link.verdict for link in links} <= {"equal", "skipped"}
    assert [link.verdict for link in links if "mapped netlist" in link.name] == ["equal"]


def test_signed_codes_and_damaged_models_are_refused(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    from nc.compiler.config import Common
    from nc.compiler.driver.models import load_model

    x, y = _data()
    model = _export(DecisionTreeClassifier(max_leaf_nodes=4, random_state=0).fit(x, y))
    path = tmp_path / "tree.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(NcError) as codes:
        load_model(path, None, Common.model_validate({"input": {"x": {"bits": 4, "signed": True}}}))
    assert str(codes.value) == (
        "error[NC650]: codes of 'x' must be unsigned and start at 0\n"
        "  --> tree.onnx\n  help: scale the features so that 0 is the smallest"
    )
    node = next(n for n in model.graph.node if n.op_type == "TreeEnsembleClassifier")
    node.attribute.remove(next(a for a in node.attribute if a.name == "nodes_values"))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(NcError) as damaged:
        load_model(path)
    assert str(damaged.value) == (
        "error[NC101]: the attributes of 'TreeEnsembleClassifier' must be complete and of matching lengths, but are "
        "not\n  --> tree.onnx\n  help: it is damaged, or made by hand; export it again"
    )
