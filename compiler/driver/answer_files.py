"""Writes the answers of a network: .npz by name, .npy of a single array, .csv with a column an element."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nc.compiler.builds.graphs import write_arrays
from nc.compiler.driver.forms import Array
from nc.ir.diagnostics import UsageError, Where, fail

SUFFIXES = (".npz", ".npy", ".csv")


def checked_place(path: Path) -> Path:
    """The path, if something can be written there as far as one can tell before the work (NC003, NC005)."""
    if path.suffix.lower() not in SUFFIXES:
        fail("NC003", f"the output must be {', '.join(SUFFIXES)}, not '{path.suffix or path.name}'", kind=UsageError)
    if path.is_dir() or not path.parent.is_dir():
        what = "be a folder" if path.is_dir() else "lie in a folder that does not exist"
        fail("NC005", f"the output must be a file, not {what}", where=Where(file=str(path)))
    return path


def write_answers(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays (N, *shape), whole or not at all. .npy takes one array (NC003)."""
    suffix = path.suffix.lower()
    if suffix == ".npy" and len(arrays) != 1:
        fail("NC003", f"an .npy file holds one array, not {len(arrays)}: {', '.join(arrays)}", kind=UsageError,
             help="write an .npz")  # fmt: skip
    part = path.with_name(f".{path.name}.part{suffix}")
    try:
        if suffix == ".npz":
            write_arrays(part, arrays)
        elif suffix == ".npy":
            np.save(part, next(iter(arrays.values())), allow_pickle=False)
        else:
            _write_csv(part, arrays)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def columns(arrays: Mapping[str, Array]) -> list[str]:
    """A name for each element: y for a single one, y[2] or y[0,3] otherwise."""
    names: list[str] = []
    for name, array in arrays.items():
        shape = array.shape[1:]
        single = array[:1].size == 1
        names += [name] if single else [f"{name}[{','.join(map(str, at))}]" for at in np.ndindex(shape)]
    return names


def _write_csv(path: Path, arrays: Mapping[str, Array]) -> None:
    flat = [array.reshape(len(array), -1) for array in arrays.values()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns(arrays))
        for row in zip(*flat, strict=True):
            writer.writerow([value for part in row for value in part.tolist()])
