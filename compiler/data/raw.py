"""What a reader hands on: arrays as they stand in the file, before labels become classes and gaps are filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.data.dataset import Array, Dataset, assembled, first_bad
from nc.compiler.reading import Reading
from nc.ir.diagnostics import Diagnostic, Where, fail


@dataclass(frozen=True)
class Raw:
    """`arrays`: samples (N, ...) by name, the first being x; NaN is a missing value. `labels`: (N, ...) numbers or
    strings, where NaN or '' is missing; `label`: their column or array. `classes`: names where the reader knows them.
    """

    arrays: Mapping[str, Array]
    labels: Array | None = None
    label: str = ""
    classes: tuple[str, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


def finished(raw: Raw, reading: Reading, name: str, sha256: str) -> Dataset:
    """The checked `Dataset` of what a reader found (NC404, NC405, NC407)."""
    arrays, labels, notes = dict(raw.arrays), raw.labels, list(raw.notes)
    if reading.missing == "drop":
        arrays, labels = _dropped(arrays, labels, name, notes)
    elif reading.missing == "mean":
        arrays = {key: _filled(key, array, name, notes) for key, array in arrays.items()}
    return assembled(arrays, labels, name, sha256, classes=reading.classes or raw.classes, label=raw.label, notes=notes)


def note(text: str, name: str, advice: str = "") -> Diagnostic:
    """What a reader decided, for whoever reads the file (NC409)."""
    return Diagnostic("NC409", text, Where(file=name), help=advice, severity="note")


def _gaps(array: Array) -> NDArray[np.bool_]:
    """Which elements are missing."""
    if array.dtype.kind in "US":
        return np.asarray(array == array.dtype.type())
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)


def _dropped(
    arrays: dict[str, Array], labels: Array | None, name: str, notes: list[Diagnostic]
) -> tuple[dict[str, Array], Array | None]:
    everything = [*arrays.values(), *([] if labels is None else [labels])]
    if len({len(a) for a in everything}) != 1:
        return arrays, labels  # told by the checks that follow
    gone = np.zeros(len(everything[0]), bool)
    for array in everything:
        gone |= _gaps(array).reshape(len(array), -1).any(axis=1)
    if not gone.any():
        return arrays, labels
    if gone.all():
        fail("NC405", "at least one sample must be without missing values, not none of them", where=Where(file=name),
             help="--missing mean fills them in")  # fmt: skip
    notes.append(note(f"{int(gone.sum())} of {len(gone)} samples have missing values and are left out", name))
    return {k: a[~gone] for k, a in arrays.items()}, None if labels is None else labels[~gone]


def _filled(key: str, array: Array, name: str, notes: list[Diagnostic]) -> Array:
    """The array with the mean of the file at every missing element."""
    if first_bad(array) is None:
        return array
    gaps = _gaps(array)
    known = (~gaps).sum(axis=0)
    if (known == 0).any():
        at = [int(i) for i in np.argwhere(np.atleast_1d(known) == 0)[0]]
        fail("NC405", f"element {at} must have a value in some sample to take the mean of, not none", where=Where(
            name, tensor=key), help="leave this column out, or give the rows that have it")  # fmt: skip
    mean = np.where(gaps, 0, array).sum(axis=0, dtype=np.float64) / known
    if gaps.any():
        notes.append(note(f"{int(gaps.sum())} missing values become the mean of their column in this file", name))
    filled: NDArray[Any] = np.where(gaps, mean, array).astype(array.dtype)
    return filled
