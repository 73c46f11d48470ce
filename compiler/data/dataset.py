"""A data set in memory: samples, optional labels, and the checks that every reader shares."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nc.compiler.data.labels import read_labels
from nc.ir.diagnostics import Diagnostic, Where, fail

Array = NDArray[Any]
MB = 1 << 20
DEFAULT_LIMIT = 1024 * MB
"""Bytes of arrays a data file may take in memory, unless `data.limit_mb` says otherwise."""

_SCAN = 1 << 22  # elements looked at in one go by `first_bad`, so that the mask stays small


@dataclass(frozen=True)
class Dataset:
    """`x`: finite real numbers (N, *sample shape); `y`: class indices (N,), or None; `name`: the file's name.

    `sha256` is of the file's bytes (of the arrays' for data handed over in memory), for the manifest. `classes`: the
    names that the indices of `y` stand for, () where they are numbers already; `targets`: real numbers to predict,
    (N,) or (N, K), where the labels are no classes; `label`: the column or array that held the labels; `named`: every
    array by its name, for models of several inputs (`x` is the first); `notes`: what a reader decided.
    """

    x: Array
    y: NDArray[np.int64] | None
    name: str
    sha256: str
    classes: tuple[str, ...] = ()
    targets: NDArray[np.float64] | None = None
    label: str = ""
    named: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[Diagnostic, ...] = ()

    @classmethod
    def of(
        cls,
        x: ArrayLike | Mapping[str, ArrayLike],
        y: ArrayLike | None = None,
        name: str = "arrays",
        classes: Sequence[str] = (),
    ) -> Dataset:
        """Arrays handed over in memory, checked like those of a file; a mapping where the model has several inputs."""
        arrays = {k: np.ascontiguousarray(a) for k, a in (x if isinstance(x, Mapping) else {"x": x}).items()}
        labels = None if y is None else np.ascontiguousarray(y)
        digest = hashlib.sha256()
        for key, array in arrays.items():
            if array.dtype.kind not in "biuf":
                fail("NC404", f"{key} must hold real numbers, not {array.dtype}", where=Where(file=name, tensor=key))
            digest.update(array.tobytes())
        if not arrays:
            fail("NC404", "data must hold at least one array, not none", where=Where(file=name))
        digest.update(b"" if labels is None else labels.tobytes())
        return assembled(arrays, labels, name, digest.hexdigest(), classes=classes)

    def __len__(self) -> int:
        return len(self.x)

    def head(self, count: int) -> Dataset:
        """The first `count` samples."""
        return self.part(slice(count))

    def part(self, chosen: slice) -> Dataset:
        """Some of the samples."""
        return replace(
            self,
            x=self.x[chosen],
            y=None if self.y is None else self.y[chosen],
            targets=None if self.targets is None else self.targets[chosen],
            named={key: array[chosen] for key, array in self.named.items()},
        )

    @property
    def varied(self) -> bool:
        """Whether any two samples differ."""
        return any(bool((array != array[0]).any()) for array in (self.x, *self.named.values()))

    def origin(self) -> dict[str, object]:
        """What a manifest says of the data: name, SHA-256, and how its labels are called and numbered."""
        label = {"label": self.label} if self.label not in ("", "y") else {}
        return {"name": self.name, "sha256": self.sha256, **label,
                **({"classes": list(self.classes)} if self.classes else {})}  # fmt: skip

    def shaped(self, shape: tuple[int, ...], key: str | None = None) -> Array:
        """Samples as (N, *shape); data of as many elements in another shape is read row-major (NC406).

        `key`: the array, for models of several inputs (default: x).
        """
        array = self.x if key is None else self.named[key]
        found = array.shape[1:]
        if found == shape:
            return array
        if math.prod(found) != math.prod(shape):
            fail(
                "NC406",
                f"a sample must have the shape {list(shape)} ({math.prod(shape)} elements) of the model's input, "
                f"not {list(found)} ({math.prod(found)} elements)",
                where=Where(file=self.name, tensor=key or ""),
                help="the first axis counts samples; the rest must match the model's input",
            )
        return array.reshape(len(array), *shape)

    def labels(self) -> NDArray[np.int64]:
        """The labels, where a command cannot do without (NC408; NC407 where they are no classes)."""
        if self.y is None and self.targets is not None:
            fail("NC407", "labels must be class indices, integers from 0, not real numbers", where=Where(self.name),
                 help="real numbers are judged by nc eval, --task regression")  # fmt: skip
        if self.y is None:
            fail("NC408", "labels must be present, not missing", where=Where(file=self.name),
                 help="--label NAME says which column or array holds them")  # fmt: skip
        return self.y


def assembled(
    arrays: Mapping[str, Array],
    labels: Array | None,
    name: str,
    sha256: str,
    *,
    classes: Sequence[str] = (),
    label: str = "y",
    notes: Sequence[Diagnostic] = (),
) -> Dataset:
    """A `Dataset` of checked arrays: numeric, finite, samples first, as many of each, one label a sample (NC404, NC405,
    NC407)."""
    for key, array in arrays.items():
        _check(array, name, key)
    x = next(iter(arrays.values()))
    if unequal := [key for key, array in arrays.items() if len(array) != len(x)]:
        fail("NC404", f"every array must hold as many samples as '{next(iter(arrays))}', {len(x)}, not "
             f"{len(arrays[unequal[0]])}", where=Where(name, tensor=unequal[0]))  # fmt: skip
    if labels is None:
        return Dataset(x, None, name, sha256, named=arrays, notes=tuple(notes))
    found = read_labels(labels, len(x), name, classes, label)
    return Dataset(x, found.y, name, sha256, found.classes, found.targets, label, arrays, (*notes, *found.notes))


def _check(x: Array, name: str, key: str) -> None:
    """Finite samples, at least one; `key`: what messages call them."""
    here = Where(file=name, tensor=key)
    if x.ndim < 2:
        fail(
            "NC404",
            f"{key} must have at least 2 axes, samples first, not {x.ndim} (shape {list(x.shape)})",
            where=here,
            help="a single sample v becomes v[None, ...]",
        )
    if not x.size:
        fail("NC404", f"{key} must hold at least one sample, not none (shape {list(x.shape)})", where=here)
    if (bad := first_bad(x)) is not None:
        row, *rest = bad
        advice = "--missing mean fills such elements in, --missing drop leaves such samples out"
        fail(
            "NC405",
            f"{key} must be finite, not {x[bad]} in sample {row}, element {list(map(int, rest))} (counted from 0)",
            where=here,
            help=advice if np.isnan(x[bad]) else "",
        )


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
