"""Comma-separated tables: a header line, then numbers; the column `label` holds class indices.

numpy's C reader takes the whole table at once; only when it refuses is the file read again row by row, to say
which cells are wrong.
"""

from __future__ import annotations

import csv
import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nc.compiler.data.dataset import Array, first_bad, within_limit
from nc.ir.diagnostics import Collector, Where, fail

LABEL = "label"
_SHOWN = 10  # wrong cells reported before "and more"
_BYTES_A_CELL = 2  # a digit and a comma: the shortest cell, which becomes eight bytes


def read_csv(path: Path, name: str, limit: int) -> tuple[Array, Array | None]:
    """All columns but `label` as float64 (N, columns), and `label` as given."""
    within_limit(path.stat().st_size * 8 // _BYTES_A_CELL, limit, "the table, as numbers,", name)
    columns = _header(path, name)
    cells = _numbers(path)
    if not cells.size or cells.shape[1] != len(columns) or first_bad(cells) is not None:
        _explain(path, name, columns)
    if LABEL not in columns:
        return cells, None
    at = columns.index(LABEL)
    return np.delete(cells, at, axis=1), cells[:, at]


def _numbers(path: Path) -> NDArray[np.float64]:
    """The cells below the header, (0, 0) where anything is wrong with them."""
    try:
        with warnings.catch_warnings():  # numpy warns about a table without rows
            warnings.simplefilter("ignore")
            return np.loadtxt(
                path, np.float64, delimiter=",", skiprows=1, comments=None, quotechar='"', ndmin=2, encoding="utf-8-sig"
            )
    except (ValueError, UnicodeDecodeError):
        return np.empty((0, 0))


def _header(path: Path, name: str) -> list[str]:
    here = Where(file=f"{name}:1")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = [c.strip() for c in next(csv.reader(file), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        fail("NC402", f"the table must be UTF-8 text, not other bytes ({error})", where=Where(file=name))
    if not columns or columns == [""]:
        fail("NC404", "the first row must name the columns, not be empty", where=here)
    if all(_number(c) is not None for c in columns):
        fail("NC404", "the first row must name the columns, not hold numbers", where=here,
             help="add a header such as x0,x1,...,label")  # fmt: skip
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        fail("NC404", f"columns must be separated by commas, not as in '{columns[0][:40]}'", where=here)
    if columns.count(LABEL) > 1:
        fail("NC404", f"there must be one column '{LABEL}', not {columns.count(LABEL)}", where=here)
    return columns


def _explain(path: Path, name: str, columns: list[str]) -> None:
    """Raise what is wrong with the table, cell by cell; rows are counted from 1, the header included."""
    found = Collector()
    rows = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            next(reader, None)
            for cells in reader:
                rows += bool(cells)
                if cells and len(found.diagnostics) <= _SHOWN:
                    _row(cells, columns, f"{name}:{reader.line_num}", found)
    except (UnicodeDecodeError, csv.Error) as error:
        found.error("NC402", f"the table must be UTF-8 text, not other bytes ({error})", where=Where(file=name))
    if not rows and not found.diagnostics:
        found.error("NC404", "the table must hold at least one row, not only a header", where=Where(file=name))
    if not found.diagnostics:
        found.error("NC402", "the table must be plain comma-separated numbers, not this", where=Where(file=name))
    if len(found.diagnostics) > _SHOWN:
        del found.diagnostics[_SHOWN:]
        found.error("NC405", f"only the first {_SHOWN} wrong cells are listed, not all", where=Where(file=name))
    found.raise_if_any()


def _row(cells: list[str], columns: list[str], place: str, found: Collector) -> None:
    if len(cells) != len(columns):
        found.error("NC404", f"a row must have {len(columns)} cells, not {len(cells)}", where=Where(file=place))
        return
    for column, cell in zip(columns, cells):
        value = _number(cell)
        if value is None:
            given = f"'{cell[:40]}'" if cell.strip() else "empty"
            code, kind = ("NC407", "a label must be an integer from 0") if column == LABEL else (
                "NC405", "a cell must be a finite number")  # fmt: skip
            found.error(code, f"{kind}, not {given}", where=Where(file=place, tensor=column))


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
