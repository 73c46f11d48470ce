"""How a text table is written: its separator, whether its first row names the columns, what each column holds."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nc.compiler.data.columns import LABELS, Column, look
from nc.ir.diagnostics import Where, fail

_SEPARATORS = ("\t", ";", "|", ",")  # a comma last: it may be a decimal mark between the others
_LOOKED_AT = 1000  # rows
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_FIGURES = re.compile(r"[-+\d.,' ]+").fullmatch  # a number badly written, not a name
_MISSING = {"", "?", "na", "n/a", "#n/a", "nan", "-nan", "null", "none"}


@dataclass(frozen=True)
class Layout:
    """`header`: lines before the first row of values; `columns`: as the first rows show them."""

    separator: str
    header: int
    columns: Sequence[Column]


def number(cell: str) -> float | None:
    """The number that a cell holds, with a decimal point or comma; NaN where the cell is missing; None for others."""
    try:
        value = float(cell)
    except ValueError:
        if _DECIMAL_COMMA.fullmatch(cell.strip()):
            return float(cell.replace(",", "."))
        return np.nan if cell.strip().lower() in _MISSING else None
    return value if value not in (np.inf, -np.inf) else None


def missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in _MISSING


def layout(path: Path, name: str, header: bool | None) -> Layout:
    """Look at the first rows of a table (NC402 where it is no text, NC404 where it has no rows)."""
    here = Where(file=name)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in itertools.islice(file, 100) if line.strip()][:2]
        separator = next((s for s in _SEPARATORS if lines and all(_parts(line, s) > 1 for line in lines)), ",")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator)
            rows, first_line = [], 0
            for row in reader:
                if row:
                    first_line = first_line or reader.line_num
                    rows.append([cell.strip() for cell in row])
                if len(rows) > _LOOKED_AT:
                    break
    except (UnicodeDecodeError, csv.Error) as error:
        fail("NC402", f"the table must be UTF-8 text, not other bytes ({error})", where=here)
    if not rows or rows[0] == [""]:
        fail("NC404", "the table must hold at least one row, not be empty", where=here)
    first, below = rows[0], rows[1:]
    named = header if header is not None else _named(first, below, name)
    if named and not below:
        fail("NC404", "the table must hold at least one row, not only a header", where=here)
    names = first if named else [f"column {c + 1}" for c in range(len(first))]
    values = below if named else rows
    columns = [_column(label, [row[c] for row in values if len(row) == len(first)]) for c, label in enumerate(names)]
    return Layout(separator, first_line if named else 0, columns)


def _parts(line: str, separator: str) -> int:
    return len(next(csv.reader([line], delimiter=separator), []))


def _column(name: str, cells: Sequence[str]) -> Column:
    values = [number(cell) for cell in cells]
    words = [cell for cell, value in zip(cells, values) if value is None]
    if words and len(words) == sum(v is None or not np.isnan(v) for v in values) and not all(map(_FIGURES, words)):
        return Column(name, True, False, False)
    return look(name, np.array([np.nan if v is None else v for v in values], np.float64))


def _named(first: Sequence[str], below: Sequence[Sequence[str]], name: str) -> bool:
    """Whether the first row names the columns: it has words where the rows below have numbers."""
    words = [number(cell) is None for cell in first]
    if any(cell.lower() in LABELS for cell in first):
        return True
    columns = [_column("", [row[c] for row in below if len(row) == len(first)]) for c in range(len(first))]
    over_numbers = [word for word, column in zip(words, columns) if not column.text]
    if all(words) and (not below or any(over_numbers)):
        return True
    numbers = [cell for cell, word in zip(first, words) if not word]
    counted = [str(n) for n in range(len(numbers))], [str(n + 1) for n in range(len(numbers))]
    if below and len(numbers) > 2 and numbers in counted and not any(over_numbers):
        fail("NC404", f"the first row, {', '.join(first[:6])}{', …' * (len(first) > 6)}, must be names or values, "
             "and nothing says which", where=Where(file=f"{name}:1"),
             help="--header reads it as names, --no-header as values")  # fmt: skip
    return False
