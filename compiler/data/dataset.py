"""A data set in memory: samples, optional labels, and the checks that every reader shares."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nc.ir.diagnostics import Where, fail

Array = NDArray[Any]
MB = 1 << 20
DEFAULT_LIMIT = 1024 * MB
"""Bytes of arrays a data file may take in memory, unless `data.limit_mb` says otherwise."""

_SCAN = 1 << 22  # elements looked at in one go by `first_bad`, so that the mask stays small


@dataclass(frozen=True)
class Dataset:
    """`x`: finite real numbers (N, *sample shape); `y`: class indices (N,), or None; `name`: the file's name.

    `sha256` is of the file's bytes (of the arrays' for data handed over in memory), for the manifest.
    """

    x: Array
    y: NDArray[np.int64] | None
    name: str
    sha256: str

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike | None = None, name: str = "arrays") -> Dataset:
        """Arrays handed over in memory, checked like those of a file."""
        samples = np.ascontiguousarray(x)
        labels = None if y is None else np.ascontiguousarray(y)
        if samples.dtype.kind not in "biuf":
            fail("NC404", f"x must hold real numbers, not {samples.dtype}", where=Where(file=name, tensor="x"))
        digest = hashlib.sha256(samples.tobytes() + (b"" if labels is None else labels.tobytes()))
        return checked(samples, labels, name, digest.hexdigest())

    def __len__(self) -> int:
        return len(self.x)

    def head(self, count: int) -> Dataset:
        """The first `count` samples."""
        return replace(self, x=self.x[:count], y=None if self.y is None else self.y[:count])

    def shaped(self, shape: tuple[int, ...]) -> Array:
        """Samples as (N, *shape); data of as many elements in another shape is read row-major (NC406)."""
        found = self.x.shape[1:]
        if found == shape:
            return self.x
        if math.prod(found) != math.prod(shape):
            fail(
                "NC406",
                f"a sample must have the shape {list(shape)} ({math.prod(shape)} elements) of the model's input, "
                f"not {list(found)} ({math.prod(found)} elements)",
                where=Where(file=self.name),
                help="the first axis counts samples; the rest must match the model's input",
            )
        return self.x.reshape(len(self.x), *shape)

    def labels(self) -> NDArray[np.int64]:
        """The labels, where a command cannot do without (NC408)."""
        if self.y is None:
            fail("NC408", "labels must be present, not missing", where=Where(file=self.name))
        return self.y


def checked(x: Array, y: Array | None, name: str, sha256: str) -> Dataset:
    """A `Dataset` of verified arrays: numeric, finite, samples first, one label a sample (NC404, 405, 407)."""
    here = Where(file=name, tensor="x")
    if x.ndim < 2:
        fail(
            "NC404",
            f"x must have at least 2 axes, samples first, not {x.ndim} (shape {list(x.shape)})",
            where=here,
            help="a single sample v becomes v[None, ...]",
        )
    if not x.size:
        fail("NC404", f"x must hold at least one sample, not none (shape {list(x.shape)})", where=here)
    if (bad := first_bad(x)) is not None:
        row, *rest = bad
        fail(
            "NC405",
            f"x must be finite, not {x[bad]} in sample {row}, element {list(map(int, rest))} (counted from 0)",
            where=here,
        )
    return Dataset(x, None if y is None else class_indices(y, len(x), name), name, sha256)


def class_indices(y: Array, count: int, name: str) -> NDArray[np.int64]:
    """Labels as int64 (N,): integers from 0; integral floats are accepted, since many tools write them (NC407)."""
    here = Where(file=name, tensor="y")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != count:
        hint = "one-hot rows become indices with y.argmax(axis=1)" if y.ndim == 2 else ""
        fail("NC407", f"y must have the shape [{count}], not {list(y.shape)}", where=here, help=hint)
    if (bad := first_bad(y)) is not None:
        fail("NC407", f"a label must be an integer from 0, not {y[bad]} in sample {bad[0]}", where=here)
    wrong = np.flatnonzero((y < 0) | (y != np.floor(y)) | (y > 1 << 31)) if y.dtype.kind != "b" else np.array([], int)
    if wrong.size:
        fail("NC407", f"a label must be an integer from 0, not {y[wrong[0]]} in sample {wrong[0]}", where=here)
    return y.astype(np.int64)


def first_bad(array: Array) -> tuple[int, ...] | None:
    """The index of the first NaN or infinity, or None; looks at a bounded number of elements at a time."""
    if array.dtype.kind != "f":
        return None
    flat = array.reshape(-1)
    for start in range(0, flat.size, _SCAN):
        finite = np.isfinite(flat[start : start + _SCAN])
        if not finite.all():
            at = start + int(np.argmin(finite))
            return tuple(int(i) for i in np.unravel_index(at, array.shape))
    return None


def within_limit(size: int, limit: int, what: str, name: str) -> None:
    """Refuse `size` bytes over `limit` before they are allocated (NC401)."""
    if size > limit:
        fail(
            "NC401",
            f"{what} must take at most {limit / MB:,.0f} MB, not {size / MB:,.0f} MB",
            where=Where(file=name),
            help="a larger limit: --set data.limit_mb=MEGABYTES; or use fewer samples",
        )
