"""Labels as people write them: class indices, class names, one-hot rows; or real numbers to predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nc.ir.diagnostics import Diagnostic, Where, fail

Array = NDArray[Any]
_SHOWN = 12  # class names listed in a note
_HELP = "--classes A,B,... lists the labels in the order of the model's outputs"


class Labels(NamedTuple):
    """`y`: class indices (N,), or None where `targets`, (N,) or (N, K), are real numbers to predict."""

    y: NDArray[np.int64] | None
    targets: NDArray[np.float64] | None
    classes: tuple[str, ...]
    notes: tuple[Diagnostic, ...] = ()


def read_labels(y: Array, count: int, name: str, classes: Sequence[str] = (), key: str = "y") -> Labels:
    """Labels of `count` samples. Integers are class indices, strings become indices into `classes` (in sorted order
    where there is no table yet), one-hot rows the index of their one. Raises NC407."""
    here = Where(file=name, tensor=key)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or len(y) != count:
        fail("NC407", f"{key} must have the shape [{count}], not {list(y.shape)}", where=here)
    if y.dtype.kind in "US":
        return _names(y.astype(str), here, classes)
    if y.dtype.kind == "f" and not (finite := np.isfinite(y)).all():
        at = tuple(int(i) for i in np.argwhere(~finite)[0])
        fail("NC407", f"a label must be a finite number, not {y[at]} in sample {at[0]}", where=here,
             help="--missing drop leaves samples without a label out" if np.isnan(y[at]) else "")  # fmt: skip
    if y.ndim == 2:
        return _rows(y, here, classes)
    if classes and (table := _numbers(classes)) is not None:
        return _numbered(y, here, classes, table)
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        return Labels(None, y.astype(np.float64), ())
    wrong = np.flatnonzero((y < 0) | (y > 1 << 31)) if y.dtype.kind != "b" else np.array([], int)
    if wrong.size:
        fail("NC407", f"a label must be an integer from 0, not {y[wrong[0]]} in sample {wrong[0]}", where=here,
             help=_HELP)  # fmt: skip
    return Labels(y.astype(np.int64), None, tuple(classes))


def class_indices(y: Array, count: int, name: str) -> NDArray[np.int64]:
    """Labels that can only be class indices, as int64 (N,) (NC407)."""
    found = read_labels(y, count, name).y
    if found is None:
        fail("NC407", "labels must be integers from 0, not real numbers", where=Where(file=name, tensor="y"))
    return found


def _rows(y: Array, here: Where, classes: Sequence[str]) -> Labels:
    hot = ((y == 0) | (y == 1)).all(axis=1) & (y.sum(axis=1) == 1)
    if hot.all():
        return Labels(y.argmax(axis=1).astype(np.int64), None, tuple(classes))
    if y.dtype.kind != "f":
        row = int(np.argmin(hot))
        fail("NC407", f"a row of labels must hold one 1 and else 0, not {y[row].tolist()[:8]} in sample {row}",
             where=here)  # fmt: skip
    return Labels(None, y.astype(np.float64), ())


def _names(y: NDArray[np.str_], here: Where, classes: Sequence[str]) -> Labels:
    y = np.char.strip(y)
    if (y == "").any():
        fail("NC407", f"a label must be a class name, not empty in sample {int(np.argmax(y == ''))}", where=here,
             help="--missing drop leaves samples without a label out")  # fmt: skip
    found, index = np.unique(y, return_inverse=True)
    notes: list[Diagnostic] = []
    if not classes:
        classes = [str(c) for c in found]
        listed = ", ".join(f"{i} {c}" for i, c in enumerate(classes[:_SHOWN]))
        listed += f", … {len(classes) - 1} {classes[-1]}" if len(classes) > _SHOWN else ""
        notes.append(Diagnostic("NC409", f"class names are numbered in sorted order: {listed}", here, help=_HELP,
                                severity="note"))  # fmt: skip
    if unknown := [c for c in found.tolist() if c not in classes]:
        row = int(np.argmax(y == unknown[0]))
        fail("NC407", f"a label must be one of {', '.join(classes[:_SHOWN])}, not '{unknown[0]}' in sample {row}",
             where=here, help=_HELP)  # fmt: skip
    table = np.array([list(classes).index(c) for c in found.tolist()], np.int64)
    return Labels(table[index.reshape(-1)], None, tuple(classes), tuple(notes))


def _numbered(y: Array, here: Where, classes: Sequence[str], table: NDArray[np.float64]) -> Labels:
    """Numbers as labels of classes that are called by numbers."""
    same = y.astype(np.float64)[:, None] == table
    if not same.any(axis=1).all():
        row = int(np.argmin(same.any(axis=1)))
        fail("NC407", f"a label must be one of {', '.join(classes[:_SHOWN])}, not {y[row]} in sample {row}",
             where=here, help=_HELP)  # fmt: skip
    return Labels(same.argmax(axis=1).astype(np.int64), None, tuple(classes))


def _numbers(classes: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        return np.array([float(c) for c in classes])
    except ValueError:
        return None
