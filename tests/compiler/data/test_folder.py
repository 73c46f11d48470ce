"""Folders of images and sounds by class, single sounds, and Parquet tables."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.data import load
from nc.ir.diagnostics import NcError

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6)


def images(folder: Path) -> Path:
    """Two classes; one image of the second as an RGB file of equal channels."""
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
    image.fromarray(PIXELS).save(folder / "cat" / "a.png")
    image.fromarray(PIXELS + 1).save(folder / "dog" / "a.png")
    image.fromarray(np.stack([PIXELS + 2] * 3, axis=2)).save(folder / "dog" / "b.png")
    return folder


def sound(path: Path, values: np.ndarray, width: int = 2, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, 8000, 0, "NONE", ""))
        file.writeframes(values.tobytes())
    return path


def test_images_by_class(tmp_path: Path) -> None:
    data = load(images(tmp_path / "pets"), inputs={"x": (1, 4, 6)})
    assert (data.x.shape, data.x.dtype) == ((3, 1, 4, 6), np.float32)
    np.testing.assert_array_equal(data.x[2, 0], ((PIXELS + 2) / 255).astype(np.float32))
    assert (data.classes, data.labels().tolist(), data.name) == (("cat", "dog"), [0, 1, 1], "pets")
    np.testing.assert_array_equal(load(tmp_path / "pets" / "cat", scale=1).x[0, 0], PIXELS)
    assert load(tmp_path / "pets" / "cat").y is None
    assert load(tmp_path / "pets", inputs={"x": (4, 6, 1)}).x.shape == (3, 4, 6, 1)


def test_images_are_resized_only_when_asked(tmp_path: Path) -> None:
    folder = images(tmp_path / "pets")
    with pytest.raises(NcError) as caught:
        load(folder, inputs={"x": (1, 2, 3)})
    assert str(caught.value) == (
        "error[NC406]: an image must have the shape [1, 2, 3] of the model's input, not 4 x 6 with 1 channel\n"
        "  --> pets/cat/a.png\n  help: --resize 2x3 resizes them"
    )
    assert load(folder, inputs={"x": (1, 2, 3)}, resize=(2, 3)).x.shape == (3, 1, 2, 3)
    with pytest.raises(NcError, match=r"every sample must have the shape \[1, 4, 6\] of the first, not \[3, 4, 6\]"):
        load(folder)


def test_damaged_images_and_empty_folders(tmp_path: Path) -> None:
    folder = images(tmp_path / "pets")
    whole = (folder / "cat" / "a.png").read_bytes()
    (folder / "cat" / "a.png").write_bytes(whole[:40])
    with pytest.raises(NcError, match="NC402.*whole image"):
        load(folder)
    (tmp_path / "none").mkdir()
    with pytest.raises(NcError, match="NC400.*a folder must hold"):
        load(tmp_path / "none")


@pytest.mark.parametrize(
    ("width", "values", "wanted"),
    [
        (1, np.array([0, 128, 192], np.uint8), [-1, 0, 0.5]),
        (2, np.array([-32768, 0, 16384], "<i2"), [-1, 0, 0.5]),
        (3, np.array([0, 0, 0x80, 0, 0, 0, 0, 0, 0x40], np.uint8), [-1, 0, 0.5]),
        (4, np.array([-(1 << 31), 0, 1 << 30], "<i4"), [-1, 0, 0.5]),
    ],
)
def test_sound(tmp_path: Path, width: int, values: np.ndarray, wanted: list[float]) -> None:
    np.testing.assert_array_equal(load(sound(tmp_path / "s.wav", values, width)).x, [[wanted]])


def test_sound_in_windows_and_by_class(tmp_path: Path) -> None:
    long = sound(tmp_path / "s.wav", np.arange(7, dtype="<i2"))
    data = load(long, inputs={"x": (1, 3)})
    np.testing.assert_array_equal(data.x * 32768, [[[0, 1, 2]], [[3, 4, 5]]])
    assert "1 frames at the end left out" in str(data.notes[0])
    for name in ("no", "yes"):
        (tmp_path / "words" / name).mkdir(parents=True)
        sound(tmp_path / "words" / name / "1.wav", np.arange(4, dtype="<i2"), channels=2)
    data = load(tmp_path / "words")
    np.testing.assert_array_equal(data.x[0] * 32768, [[0, 2], [1, 3]])
    assert data.classes == ("no", "yes")
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(NcError, match="NC402"):
        load(tmp_path / "bad.wav")


def test_parquet(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "d.parquet"
    parquet.write_table(arrow.table({"a": [1.5, None, 3.0], "kind": ["b", "a", "b"], "b": [1, 2, 3]}), path)
    with pytest.raises(NcError, match="not empty in row 2(.|\n)*tensor 'a'(.|\n)*--missing mean"):
        load(path)
    data = load(path, missing="mean")
    np.testing.assert_array_equal(data.x, [[1.5, 1], [2.25, 2], [3, 3]])
    assert (data.classes, data.labels().tolist()) == (("a", "b"), [1, 0, 1])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(NcError, match="NC402"):
        load(path)
