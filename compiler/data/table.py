"""Tables of text: numbers with labels in a column, separated by commas, semicolons, tabs or bars, with or without a
header.

numpy's C reader takes the whole table at once; only when it refuses, as it does for missing values and decimal commas,
is the file read again row by row.
"""

from __future__ import annotations

import csv
import re
import warnings
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nc.compiler.data.columns import MISSING_HELP, Column, Roles, choose
from nc.compiler.data.dataset import Array, first_bad, within_limit
from nc.compiler.data.layout import Layout, layout, missing, number
from nc.compiler.data.raw import Raw
from nc.compiler.reading import Reading
from nc.ir.diagnostics import Collector, Where, fail

_SHOWN = 10  # wrong cells reported before "and more"
_BYTES_A_CELL = 2  # a digit and a comma: the shortest cell, which becomes eight bytes
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_LABEL_HELP = "--label NAME says which column holds the labels"


def read_table(path: Path, name: str, limit: int, reading: Reading) -> Raw:
    """The samples as float64 (N, columns), and the labels as they stand: numbers, or strings."""
    within_limit(path.stat().st_size * 8 // _BYTES_A_CELL, limit, "the table, as numbers,", name)
    form = layout(path, name, reading.header)
    roles = choose(form.columns, reading, Where(file=name))
    found = _at_once(path, form, roles)
    x, labels = found if found is not None else _Rows(name, form, roles, reading).read(path)
    if roles.label is None:
        return Raw({"x": x}, notes=roles.notes)
    label = form.columns[roles.label].name
    if roles.guessed and labels is not None and (labels != np.floor(labels)).any():
        fail("NC404", f"the labels must be class indices, which column '{label}' does not hold", where=Where(name),
             help=_LABEL_HELP)  # fmt: skip
    return Raw({"x": x}, labels, label, notes=roles.notes)


def _at_once(path: Path, form: Layout, roles: Roles) -> tuple[Array, Array | None] | None:
    """The table by numpy's reader, None where anything about it is out of the ordinary."""
    words: dict[str, int] = {}
    text = roles.label is not None and form.columns[roles.label].text
    named: dict[int | str, Callable[[str], int]] | None = None
    if roles.label is not None and text:
        named = {roles.label: lambda cell: words.setdefault(cell.strip(), len(words))}
    try:
        with warnings.catch_warnings():  # numpy warns about a table without rows
            warnings.simplefilter("ignore")
            cells = np.loadtxt(
                path, np.float64, delimiter=form.separator, skiprows=form.header, comments=None, quotechar='"',
                ndmin=2, encoding="utf-8-sig", converters=named,
            )  # fmt: skip
    except (ValueError, UnicodeDecodeError):
        return None
    if not cells.size or cells.shape[1] != len(form.columns) or any(missing(word) for word in words):
        return None
    x, y = cells[:, list(roles.x)], None if roles.label is None else cells[:, roles.label]
    if first_bad(x) is not None or y is not None and first_bad(y) is not None:
        return None
    return np.ascontiguousarray(x), np.array(list(words))[y.astype(int)] if text and y is not None else y


@dataclass
class _Rows:
    """A table read row by row, saying which cells are wrong; rows are counted from 1, the header included."""

    name: str
    form: Layout
    roles: Roles
    reading: Reading
    found: Collector = field(default_factory=Collector)
    cells: array[float] = field(default_factory=lambda: array("d"))
    labels: list[str] = field(default_factory=list)
    commas: dict[str, Where] = field(default_factory=dict)  # one cell with a decimal comma, and one that may be none
    point: bool = False

    def read(self, path: Path) -> tuple[Array, Array | None]:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, delimiter=self.form.separator)
                for row in reader:
                    if row and reader.line_num > self.form.header and len(self.found.diagnostics) <= _SHOWN:
                        self._row(row, f"{self.name}:{reader.line_num}")
        except (UnicodeDecodeError, csv.Error) as error:
            self.found.error(
                "NC402", f"the table must be UTF-8 text, not other bytes ({error})", where=Where(self.name)
            )
        if len(self.found.diagnostics) > _SHOWN:
            del self.found.diagnostics[_SHOWN:]
            self.found.error(
                "NC405", f"only the first {_SHOWN} wrong cells are listed, not all", where=Where(self.name)
            )
        self.found.raise_if_any()
        self._one_decimal_mark()
        x = np.frombuffer(self.cells, np.float64).reshape(-1, len(self.roles.x)).copy()
        return x, self._labels()

    def _row(self, row: Sequence[str], place: str) -> None:
        columns = self.form.columns
        if len(row) != len(columns):
            self.found.error("NC404", f"a row must have {len(columns)} cells, not {len(row)}", where=Where(place))
            return
        for c in self.roles.x:
            self.cells.append(self._number(row[c], Where(place, tensor=columns[c].name), columns[c]))
        if self.roles.label is not None:
            self._label(row[self.roles.label], Where(place, tensor=columns[self.roles.label].name))

    def _number(self, cell: str, here: Where, column: Column) -> float:
        value = number(cell)
        if value is None:
            advice = _LABEL_HELP if column.text else ""
            self.found.error("NC405", f"a cell must be a finite number, not '{cell[:40]}'", where=here, help=advice)
            return np.nan
        if np.isnan(value) and not self.reading.missing:
            given = f"'{cell[:40]}'" if cell.strip() else "empty"
            told = any(d.help == MISSING_HELP for d in self.found.diagnostics)
            self.found.error("NC405", f"a cell must be a finite number, not {given}", where=here,
                             help="" if told else MISSING_HELP)  # fmt: skip
        if "," in cell:
            kind = "unclear" if _THOUSANDS.fullmatch(cell.strip()) else "clear"
            self.commas.setdefault(kind, here)
        self.point = self.point or "." in cell
        return value

    def _label(self, cell: str, here: Where) -> None:
        self.labels.append("" if missing(cell) else cell.strip())
        if missing(cell) and self.reading.missing != "drop":
            self.found.error("NC407", "a label must be given, not " + (f"'{cell}'" if cell.strip() else "empty"),
                             where=here, help="--missing drop leaves such rows out")  # fmt: skip
        elif not missing(cell) and not self._named() and number(cell) is None:
            self.found.error("NC407", f"a label must be an integer from 0, not '{cell[:40]}'", where=here)

    def _named(self) -> bool:
        assert self.roles.label is not None
        return self.form.columns[self.roles.label].text

    def _labels(self) -> Array | None:
        if self.roles.label is None:
            return None
        if self._named():
            return np.array(self.labels)
        return np.array([number(cell) for cell in self.labels], np.float64)

    def _one_decimal_mark(self) -> None:
        """Commas are decimal marks where nothing speaks against it (NC405)."""
        if self.commas and self.point:
            fail("NC405", "decimal marks must be all points or all commas, not both", where=next(iter(
                self.commas.values())), help="write numbers with points, without marks of thousands")  # fmt: skip
        if "unclear" in self.commas and "clear" not in self.commas:
            fail("NC405", "a comma must be a decimal mark, not one that may mark thousands as well",
                 where=self.commas["unclear"], help="write numbers with points and no marks of thousands")  # fmt: skip
