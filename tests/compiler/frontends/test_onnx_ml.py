"""Classical models of scikit-learn, exported by skl2onnx: hardware's decisions against ONNX Runtime's."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import IntegerModel, integer_model
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.ports import real_of, to_port
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

pytest.importorskip("sklearn")
pytest.importorskip("skl2onnx")
ort = pytest.importorskip("onnxruntime")
Array = NDArray[Any]
ENOUGH = 0.995


def _data(name: str) -> tuple[Array, Array, Array, Array]:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    bunch = getattr(datasets, f"load_{name}")()
    x, y = bunch.data.astype(np.float32), bunch.target
    if name == "diabetes":
        y = y.astype(np.float32)
    return tuple(train_test_split(x, y, test_size=0.4, random_state=1))  # type: ignore[return-value]


def export(model: Any, features: int, path: Path, options: Any = None) -> Path:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = convert_sklearn(model, initial_types=[("x", FloatTensorType([None, features]))], options=options)
    path.write_bytes(made.SerializeToString())
    return path


def runtime(path: Path, x: Array) -> Array:
    """ONNX Runtime's first output."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x.astype(np.float32)})[0])


def hardware(model: IntegerModel, x: Array) -> tuple[Array, Array]:
    """(the golden model's output, the real numbers that its port carried)."""
    graph = model.integer
    ((label, value),) = graph.inputs.items()
    kind = graph.type(value)
    codes = to_port(x, kind, graph.nodes[value].op.rounding)
    (out,) = evaluate(graph, {label: codes}).values()
    return out.reshape(len(x)), real_of(codes, kind)


def compiled(path: Path, x: Array, *options: str, target: str = "fpga", calib: bool = True) -> IntegerModel:
    data = Dataset.of(x, np.zeros(len(x), np.int64)) if calib else None
    return integer_model(path, target=target, calib=data, set=options)


def _models() -> dict[str, Any]:
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "tree": DecisionTreeClassifier(max_depth=6, random_state=0),
        "forest": RandomForestClassifier(12, max_depth=5, random_state=0),
        "extra": ExtraTreesClassifier(10, max_depth=5, random_state=0),
        "boosting": GradientBoostingClassifier(n_estimators=12, max_depth=3, random_state=0),
        "histogram": HistGradientBoostingClassifier(max_iter=10, max_depth=3, random_state=0),
        "logistic": LogisticRegression(max_iter=5000),
        "scaled logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "linear svc": LinearSVC(random_state=0),
        "scaled svc": make_pipeline(MinMaxScaler(), SVC(kernel="linear")),
        "scaled mlp": make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=300, random_state=0)),
        "scaled tree": make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=5, random_state=0)),
    }


TREES = ("tree", "forest", "extra", "boosting", "histogram", "scaled tree")


@pytest.mark.parametrize("data", ["breast_cancer", "wine"])
@pytest.mark.parametrize("name", [*TREES, "logistic", "scaled logistic", "linear svc", "scaled svc", "scaled mlp"])
def test_decisions_are_the_runtimes(tmp_path: Path, name: str, data: str) -> None:
    x, x_test, y, _ = _data(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = _models()[name].fit(x, y)
    path = export(fitted, x.shape[1], tmp_path / "model.onnx")
    model = compiled(path, x)
    got, carried = hardware(model, x_test)
    want = runtime(path, x_test)
    assert np.count_nonzero(got != want) <= max(1, (1 - ENOUGH) * len(want))  # one row of a small table
    if name in TREES:  # of what the port carried, the very decisions
        again, _ = hardware(model, carried)
        assert np.array_equal(again, got)
        (output,) = evaluate(model.source.model, {"x": carried}).values()
        assert np.array_equal(got, output.reshape(-1)) or name != "tree"
        _within_a_step(model, x_test, carried)


def _within_a_step(model: IntegerModel, x: Array, carried: Array) -> None:
    """Whatever the port turned round at a threshold lies within one input step of it."""
    ops = [n.op for n in model.source.model.nodes if n.op.name == "tree_ensemble"]
    graph = model.integer
    meaning = graph.type(graph.inputs["x"]).meaning
    if len({n.op.name for n in model.source.model.nodes} & {"mul", "sub"}):
        return
    for op in ops:
        for feature, t in zip(op.features, op.thresholds, strict=True):
            turned = (x[:, feature] <= np.float32(t)) != (carried[:, feature].astype(np.float32) <= np.float32(t))
            assert np.all(np.abs(x[turned, feature] - t) <= float(meaning.scale[feature]) * 1.001)


@pytest.mark.parametrize("kind", ["tree", "forest", "boosting", "linear", "mlp", "svr"])
def test_regressors_come_near(tmp_path: Path, kind: str) -> None:
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR
    from sklearn.tree import DecisionTreeRegressor

    x, x_test, y, _ = _data("diabetes")
    made = {
        "tree": DecisionTreeRegressor(max_depth=4),
        "forest": RandomForestRegressor(10, max_depth=4, random_state=0),
        "boosting": GradientBoostingRegressor(n_estimators=10, max_depth=2, random_state=0),
        "linear": make_pipeline(StandardScaler(), Ridge()),
        "mlp": make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(6,), max_iter=400, random_state=0)),
        "svr": make_pipeline(StandardScaler(), SVR(kernel="linear")),
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.fit(x, y)
    path = export(made, x.shape[1], tmp_path / "model.onnx")
    model = compiled(path, x)
    got, _ = hardware(model, x_test)
    graph = model.integer
    real = real_of(got[:, None], graph.type(next(iter(graph.outputs.values()))))[:, 0]
    want = runtime(path, x_test).reshape(-1)
    assert np.sqrt(np.mean((real - want) ** 2)) < 0.04 * want.std()


def test_a_tree_needs_no_data(tmp_path: Path) -> None:
    """Thresholds alone give formats: 1.5 of 0..3 is exact in one bit, and so are two thresholds in two."""
    from sklearn.tree import DecisionTreeClassifier

    x = np.array([[0, 9], [1, 9], [2, 9], [3, 9]] * 3, np.float32)
    path = export(DecisionTreeClassifier().fit(x, [0, 0, 1, 1] * 3), 2, tmp_path / "one.onnx")
    model = compiled(path, x, calib=False)
    assert str(model.integer.type(model.integer.inputs["x"]).element) == "u1"
    assert hardware(model, x)[0].tolist() == [0, 0, 1, 1] * 3
    path = export(DecisionTreeClassifier().fit(x, [0, 5, 5, 7] * 3), 2, tmp_path / "two.onnx")
    model = compiled(path, x, calib=False)
    assert str(model.integer.type(model.integer.inputs["x"]).element) == "u2"
    assert hardware(model, x)[0].tolist() == [0, 5, 5, 7] * 3


def test_names_of_classes_are_numbered(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    x, x_test, y, _ = _data("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = [m.fit(x, names[y]) for m in (LogisticRegression(), MLPClassifier((5,), random_state=0))]
    for number, one in enumerate(fitted):
        path = export(one, 4, tmp_path / f"{number}.onnx")
        model = compiled(path, x)
        got, _ = hardware(model, x_test)
        assert (names[got] == runtime(path, x_test)).mean() > 0.95
        assert model.source.to_json()["classes"] == names.tolist()


def test_imputers_are_for_the_host_and_normalizers_are_refused(tmp_path: Path) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler
    from sklearn.svm import SVC

    x, x_test, y, _ = _data("iris")
    path = export(
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(x, y), 4, tmp_path / "i.onnx"
    )
    assert (hardware(compiled(path, x), x_test)[0] == runtime(path, x_test)).mean() >= ENOUGH
    with pytest.raises(NcError, match="Normalizer \\(L2\\) must not divide each sample by its own norm"):
        compiled(export(make_pipeline(Normalizer(), LogisticRegression()).fit(x, y), 4, tmp_path / "n.onnx"), x)
    with pytest.raises(NcError, match="the kernel of SVMClassifier must be LINEAR, not RBF"):
        compiled(export(SVC(kernel="rbf").fit(x, y), 4, tmp_path / "k.onnx"), x)


def test_options_of_a_port_may_be_lists(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    x = np.array([[0, 0.5], [1, 0.25], [2, 0.5], [3, 0.75]] * 3, np.float32)
    path = export(DecisionTreeClassifier().fit(x, [0, 1, 2, 3] * 3), 2, tmp_path / "m.onnx")
    model = compiled(path, x, "input.x.bits=[2,4]", "input.x.scale=[1,1/16]", calib=False)
    kind = model.integer.type(model.integer.inputs["x"])
    assert str(kind.element) == "u4" and [float(s) for s in kind.meaning.scale] == [1, 1 / 16]
    assert hardware(model, x)[0].tolist() == [0, 1, 2, 3] * 3
    with pytest.raises(
        NcError, match="'scale' of input 'x' must be one value, or a list of one a feature \\(2\\), not 3"
    ):
        compiled(path, x, "input.x.scale=[1,2,3]", calib=False)


def test_damaged_trees_are_refused(tmp_path: Path) -> None:
    import onnx
    from sklearn.tree import DecisionTreeClassifier

    x, _, y, _ = _data("iris")
    path = export(DecisionTreeClassifier(max_depth=2).fit(x, y), 4, tmp_path / "m.onnx")
    model = onnx.load(path)
    node = next(n for n in model.graph.node if n.op_type == "TreeEnsembleClassifier")
    node.attribute.remove(next(a for a in node.attribute if a.name == "nodes_values"))
    onnx.save(model, path)
    with pytest.raises(NcError, match="the attributes of 'TreeEnsembleClassifier' must be complete and of matching"):
        compiled(path, x)


def _stumps(ids: list[int], classes: int, rng: Any, least: float, bases: int) -> Any:
    """Three trees of one comparison whose leaves have a weight for each of `ids`, drawn from least..1."""
    from onnx import helper

    trees, leaves = range(3), (1, 2)
    weights = [(t, n, i) for t in trees for n in leaves for i in ids]
    attributes: dict[str, Any] = {
        "nodes_treeids": [t for t in trees for _ in range(3)], "nodes_nodeids": [0, 1, 2] * 3,
        "nodes_featureids": [t for t in trees for _ in range(3)], "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * 3,
        "nodes_values": [0.5, 0.0, 0.0] * 3, "nodes_truenodeids": [1, 0, 0] * 3, "nodes_falsenodeids": [2, 0, 0] * 3,
        "class_treeids": [w[0] for w in weights], "class_nodeids": [w[1] for w in weights],
        "class_ids": [w[2] for w in weights], "class_weights": rng.uniform(least, 1, len(weights)).tolist(),
        "classlabels_int64s": list(range(classes)), "post_transform": "NONE",
    }  # fmt: skip
    if bases:
        attributes["base_values"] = rng.uniform(-0.5, 0.5, bases).tolist()
    node = helper.make_node("TreeEnsembleClassifier", ["x"], ["y", "p"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph([node], "stumps", [helper.make_tensor_value_info("x", 1, ["N", 3])],
                              [helper.make_tensor_value_info("y", 7, ["N"])])  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.parametrize("bases", [0, 1, 2, 3])
@pytest.mark.parametrize("least", [0.0, -1.0])
@pytest.mark.parametrize(("ids", "classes"), [([0], 2), ([1], 2), ([0, 1], 2), ([0, 1, 2], 3)])
def test_the_winning_label_is_the_runtimes(ids: list[int], classes: int, least: float, bases: int) -> None:
    """Or the form is refused by name, with what to do: never another label."""
    corners = np.stack(np.meshgrid(*[[0.25, 0.75]] * 3), -1).reshape(-1, 3).astype(np.float32)
    rng = np.random.default_rng(bases)
    for _ in range(20):
        made = _stumps(ids, classes, rng, least, bases)
        try:
            graph = from_onnx(made)
        except NcError as error:
            assert (len(ids), bases) not in {(1, 0), (3, 0), (3, 3)} and (ids, bases) != ([0], 1)
            assert {d.code for d in error.diagnostics} <= {"NC103", "NC109"}
            return
        session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        (output,) = evaluate(graph, {"x": corners}).values()
        assert np.array_equal(output.ravel(), session.run(["y"], {"x": corners})[0])


def test_a_file_becomes_a_printed_circuit(tmp_path: Path) -> None:
    """Through the front door: compiled, evaluated on DATA, proved down to the mapped netlist."""
    pytest.importorskip("pyosys")
    from sklearn.tree import DecisionTreeClassifier

    from nc.compiler.driver.compiling import compile
    from nc.compiler.driver.evaluating import evaluate as evaluate_build
    from nc.compiler.driver.verifying import verify

    x, _, y, _ = _data("iris")
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x, 2 * y + 1)
    path = export(tree, 4, tmp_path / "model.onnx")
    data = Dataset.of(x, 2 * y + 1)
    made = compile(path, target="printed", output=tmp_path / "build", calib=data)
    assert made.build.manifest.estimate["area_cm2"] > 0
    found = evaluate_build(tmp_path / "build", data)
    assert found.accuracy == found.float_accuracy and found.agreement == 1
    links = verify(tmp_path / "build").links
    assert {link.verdict for link in links} <= {"equal", "skipped"}
    assert [link.verdict for link in links if "mapped netlist" in link.name] == ["equal"]
