"""Arrays under other names: found where one can tell, listed where not; labels as names and one-hot rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.data import Dataset, load
from nc.ir.diagnostics import NcError

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 2, 1])


def arrays(tmp_path: Path, found: dict[str, np.ndarray], **options: object) -> Dataset:
    np.savez(tmp_path / "d.npz", **found)
    return load(tmp_path / "d.npz", **options)


@pytest.mark.parametrize(
    ("found", "options"),
    [
        ({"X_train": X, "y_train": Y}, {}),
        ({"train_images": X, "train_labels": Y, "test_labels": Y[::-1]}, {}),
        ({"data": X, "target": Y}, {}),
        ({"X_train": X, "y_train": Y, "X_test": X[:2], "y_test": Y[:2]}, {"x": "X_train"}),
        ({"a": X, "b": X[:2], "y": Y}, {"x": "a", "label": "y"}),
        ({"pixel": X, "y": Y}, {"inputs": {"pixel": (3,)}}),
        ({"other": np.zeros((4, 5)), "pixel": X, "label": Y}, {"inputs": {"p": (3,)}}),
        ({"x": X, "y": np.eye(3)[Y]}, {}),
        ({"x": X, "y": np.array(["a", "b", "c", "b"])}, {}),
        ({"x": X, "y": np.array(["c", "b", "a", "b"])}, {"classes": ("c", "b", "a")}),
        ({"x": X, "y": np.array([10, 20, 30, 20])}, {"classes": ("10", "20", "30")}),
    ],
)
def test_samples_and_labels(tmp_path: Path, found: dict[str, np.ndarray], options: dict[str, object]) -> None:
    data = arrays(tmp_path, found, **options)
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.labels(), Y)


def test_what_is_unclear_is_listed(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        arrays(tmp_path, {"X_train": X, "X_test": X[:2], "y_train": Y})
    assert str(caught.value) == (
        "error[NC404]: one of X_train, X_test must be the samples, and nothing says which\n  --> d.npz\n"
        "   |  X_train [4, 3], X_test [2, 3], y_train [4]\n"
        "  help: --x NAME names the samples, --label NAME the labels"
    )
    with pytest.raises(NcError, match="--x must name an array of the file, X_train, X_test, y_train, not 'train'"):
        load(tmp_path / "d.npz", x="train")


def test_several_inputs(tmp_path: Path) -> None:
    inputs = {"a": (3,), "b": (2,)}
    data = arrays(tmp_path, {"a": X, "b": X[:, :2], "y": Y}, inputs=inputs)
    assert list(data.named) == ["a", "b"] and data.head(2).named["b"].shape == (2, 2)
    swapped = arrays(tmp_path, {"left": X, "right": X[:, :2], "y": Y}, inputs=inputs, x="left,right")
    np.testing.assert_array_equal(swapped.named["b"], X[:, :2])
    with pytest.raises(NcError, match="an array for each input of the model, a, b, not only a, y"):
        arrays(tmp_path, {"a": X, "y": Y}, inputs=inputs)
    with pytest.raises(NcError, match="every array must hold as many samples as 'a', 4, not 3"):
        arrays(tmp_path, {"a": X, "b": X[:3], "y": Y}, inputs=inputs)


def test_missing_elements(tmp_path: Path) -> None:
    gaps = np.where(X == 7, np.nan, X)
    np.testing.assert_array_equal(arrays(tmp_path, {"x": gaps}, missing="mean").x[2], [6, (1 + 4 + 10) / 3, 8])
    assert arrays(tmp_path, {"x": gaps, "y": Y}, missing="drop").labels().tolist() == [0, 1, 1]
    with pytest.raises(NcError, match="must be finite, not inf"):
        arrays(tmp_path, {"x": np.where(X == 7, np.inf, X)}, missing="drop")
    with pytest.raises(NcError, match=r"element \[0\] must have a value in some sample"):
        arrays(tmp_path, {"x": np.full((2, 1), np.nan)}, missing="mean")
