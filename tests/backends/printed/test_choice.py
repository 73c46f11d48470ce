"""A searched circuit in the place of a user's model: picked by floor and budget, with the model's ports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.evaluating import evaluate
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.relu import Relu
from nc.ir.types import Affine, IntType, TensorType

pytest.importorskip("torch")
pytest.importorskip("pyosys")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache of searches for all tests here: the second test finds the front of the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def _model(layers: int = 2) -> Graph:
    rng = np.random.default_rng(0)
    build = Builder("wine")
    value = build.input("codes", TensorType((5,), IntType(0, 15), Affine.of(1 / 16)))
    widths = (5, 3, 3) if layers == 2 else (5, 3)
    for place, (a, b) in enumerate(zip(widths, widths[1:])):
        value = build.add(MatMul(), value, build.constant(rng.integers(-3, 4, (a, b))))
        value = build.add(Relu(), value) if place == 0 and layers == 2 else value
    build.output("logits", value)
    return build.finish()


def _data(labelled: bool = True) -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 16, (400, 5))
    y = ((x[:, 0] + 2 * x[:, 1] - x[:, 2]) > 12).astype(int) + (x[:, 3] > 11)
    y = np.where(rng.random(400) < 0.1, rng.integers(0, 3, 400), y)
    return Dataset.of(x / 16, y if labelled else None)


def _compile(folder: Path, data: Dataset | None = None, model: Graph | None = None, **sections: Any) -> Any:
    sections["approx"] = {"search": "quick", "hidden": 2, **sections.get("approx", {})}
    return compile(model or _model(), target="printed", output=folder, calib=data or _data(), options=sections)


def test_the_smallest_above_a_floor_is_compiled(tmp_path: Path) -> None:
    low = _compile(tmp_path / "low", approx={"accuracy_floor": 0.6})
    high = _compile(tmp_path / "high", approx={"accuracy_floor": 0.75})
    areas = [made.build.manifest.estimate["area_cm2"] for made in (low, high)]
    assert 0 < areas[0] <= areas[1]
    found = evaluate(tmp_path / "high", _data())
    assert found.accuracy is not None and found.accuracy > 0.7


@pytest.mark.slow
def test_the_best_within_a_budget_is_compiled(tmp_path: Path) -> None:
    free = _compile(tmp_path / "free")
    budget = 0.85 * free.build.manifest.estimate["power_mw"]["0.6"]
    tight = _compile(tmp_path / "tight", printed={"vdd": 0.6}, budget={"power_mw": budget})
    assert 0 < tight.build.manifest.estimate["power_mw"]["0.6"] <= budget


def test_what_nothing_meets(tmp_path: Path) -> None:
    with pytest.raises(NcError, match=r"NC653.*accuracy must reach 0.9990 on the validation split; the best circuit "
                       r"found has 0\.[0-9]{4} at [0-9.]+ cm2"):  # fmt: skip
        _compile(tmp_path / "floor", approx={"accuracy_floor": 0.999})
    with pytest.raises(NcError, match=r"NC654.*the circuit must stay within 1e-06 mW at 1.0 V; the smallest one found "
                       r"with accuracy 0.75 has [0-9.]+ cm2 and [0-9.]+ mW at 1.0 V"):  # fmt: skip
        _compile(tmp_path / "budget", approx={"accuracy_floor": 0.75}, budget={"power_mw": 1e-6})
    with pytest.raises(NcError, match="NC654.*must stay within 1e-06 cm2"):
        _compile(tmp_path / "area", budget={"area_cm2": 1e-6})
    assert not list(tmp_path.iterdir())


def test_models_and_data_that_do_not_fit(tmp_path: Path) -> None:
    data = _data()
    assert data.y is not None
    with pytest.raises(NcError) as labels:
        _compile(tmp_path / "a", Dataset.of(data.x, data.y + 1))
    assert str(labels.value) == (
        "error[NC655]: labels must be integers in 0..2, not 1..3\n  help: number the classes from 0"
    )
    with pytest.raises(NcError) as layers:
        _compile(tmp_path / "b", model=_model(layers=1))
    assert str(layers.value) == (
        "error[NC650]: a model to be searched must have two dense layers, not 1\n"
        "  help: the search makes MLPs of one hidden layer; leave approx.search out to compile the model as it is"
    )
    with pytest.raises(NcError) as none:
        compile(_model(), target="printed", output=tmp_path / "c", options={"approx": {"search": "quick"}})
    assert str(none.value) == (
        "error[NC659]: a search must have data, not only a model\n  help: give samples with labels by --calib DATA"
    )


def test_without_labels_the_model_decides(tmp_path: Path) -> None:
    _compile(tmp_path / "b", _data(labelled=False))
    found = evaluate(tmp_path / "b", _data(labelled=False))
    assert found.accuracy is None and found.agreement is not None and found.agreement > 0.6
