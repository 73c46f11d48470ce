"""Columns of a table: which hold samples and which one the labels; and tables stored by column (Parquet)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nc.compiler.data.dataset import Array, within_limit
from nc.compiler.data.raw import Raw, note
from nc.compiler.reading import Reading
from nc.ir.diagnostics import Diagnostic, ToolMissing, Where, fail, suggest

LABELS = ("label", "class", "target", "y")
_INDEX = ("", "Unnamed: 0", "__index_level_0__")  # what pandas calls the numbers of its rows


@dataclass(frozen=True)
class Column:
    """What a look at a table tells of a column. `text`: no cell is a number; `whole`: all are integers from 0;
    `counting`: they are 0, 1, 2, … down the rows."""

    name: str
    text: bool
    whole: bool
    counting: bool


@dataclass(frozen=True)
class Roles:
    """Positions of the samples' columns and of the labels' (None where there are none). `guessed`: the labels were
    found by the number of columns alone, so their values have to bear it out."""

    x: Sequence[int]
    label: int | None
    guessed: bool = False
    notes: tuple[Diagnostic, ...] = ()


def choose(columns: Sequence[Column], reading: Reading, here: Where) -> Roles:
    """The roles of a table's columns: as the user says, else by name, kind and number (NC404 where unclear)."""
    notes: list[Diagnostic] = []
    width = math.prod(next(iter(reading.inputs.values()))) if len(reading.inputs) == 1 else None
    every = list(range(len(columns)))
    label = None if not reading.label else position(reading.label, columns, here, "--label")
    if reading.x:
        x = [position(name, columns, here, "--x") for name in reading.x.split(",")]
        return Roles(x, label if label is not None else _by_name(columns, [c for c in every if c not in x], here))
    if columns[0].name in _INDEX and columns[0].counting and len(columns) != width:
        notes.append(note("the first column counts the rows and is left out", here.file, "--x A,B,... takes columns"))
        every = every[1:]
    guessed = False
    if label is None and len(every) != width:
        hinted = [c for c in every if columns[c].name == reading.hint != ""]
        label = hinted[0] if len(hinted) == 1 else _by_name(columns, every, here)
        label = _by_kind(columns, every, here) if label is None else label
        if label is None and len(every) == (width or 0) + 1 > 1:
            label, guessed = _too_many(columns, every, here), True
            notes.append(note(f"column {label + 1} ('{columns[label].name}') is taken as the labels: the model has "
                              f"{width} inputs, the table {len(every)} columns", here.file, "--label NAME names "
                              "another"))  # fmt: skip
    return Roles([c for c in every if c != label], label, guessed, tuple(notes))


def position(name: str, columns: Sequence[Column], here: Where, option: str) -> int:
    """A column by its name, or by its number: from 1, or from the end below 0."""
    name, names = name.strip(), [c.name for c in columns]
    if names.count(name) > 1:
        fail("NC404", f"there must be one column '{name}', not {names.count(name)}", where=here,
             help=f"{option} also takes the number of a column, counted from 1")  # fmt: skip
    if name in names:
        return names.index(name)
    if not (name.lstrip("-").isdecimal() and 1 <= abs(int(name)) <= len(names)):
        listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        fail("NC404", f"{option} must be a column of the table, {listed}, or its number from 1 to {len(names)}, "
             f"not '{name}'", where=here, help=suggest(name, names))  # fmt: skip
    return int(name) - 1 if int(name) > 0 else len(names) + int(name)


def _by_name(columns: Sequence[Column], among: Sequence[int], here: Where) -> int | None:
    found = [c for c in among if columns[c].name.strip().lower() in LABELS]
    exact = [c for c in found if columns[c].name == LABELS[0]]
    return _only(columns, exact or found, here)


def _by_kind(columns: Sequence[Column], among: Sequence[int], here: Where) -> int | None:
    return _only(columns, [c for c in among if columns[c].text], here)


def _too_many(columns: Sequence[Column], among: Sequence[int], here: Where) -> int:
    ends = [c for c in (among[0], among[-1]) if columns[c].whole]
    if len(ends) != 1:
        first, last = among[0] + 1, among[-1] + 1
        what = "both could be" if ends else "neither looks like"
        fail("NC404", f"one of {len(among)} columns must be the labels, the first or the last, but {what} class "
             "indices", where=here, help=f"--label {first} or --label {last} says which (or a name)")  # fmt: skip
    return ends[0]


def _only(columns: Sequence[Column], found: Sequence[int], here: Where) -> int | None:
    names = [columns[c].name for c in found]
    if len(found) > 1 and len(set(names)) == 1:
        fail("NC404", f"there must be one column '{names[0]}', not {len(found)}", where=here,
             help="--label NUMBER takes a column by its number, counted from 1")  # fmt: skip
    if len(found) > 1:
        fail("NC404", f"one of {', '.join(names)} must be the labels, and nothing says which", where=here,
             help="--label NAME says so; --x A,B,... names the columns of the samples")  # fmt: skip
    return found[0] if found else None


def look(name: str, values: Array) -> Column:
    """A column of numbers, as far as it is seen."""
    whole = bool(len(values)) and bool((values >= 0).all() and (values == np.floor(values)).all())
    return Column(name, False, whole, whole and np.array_equal(values, np.arange(len(values))))


def read_parquet(path: Path, name: str, limit: int, reading: Reading) -> Raw:
    """A Parquet file, with the roles of columns as in every table."""
    try:
        from pyarrow import ArrowException, types
        from pyarrow.parquet import ParquetFile
    except ImportError:
        fail("NC500", "pyarrow must be installed to read Parquet files", where=Where(file=name),
             help="pip install 'neural-compile[data]'", kind=ToolMissing)  # fmt: skip
    here = Where(file=name)
    try:
        with ParquetFile(path) as file:
            rows, fields = file.metadata.num_rows, list(file.schema_arrow)
            within_limit(rows * len(fields) * 8, limit, "the table, as numbers,", name)
            table = file.read()
    except (ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        fail("NC402", f"the file must be a whole Parquet file, not a damaged one ({reason})", where=here)
    if not rows:
        fail("NC404", "the table must hold at least one row, not none", where=here)
    found, looks = [], []
    for at, field in enumerate(fields):
        kind, column = field.type, table.column(at)
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if types.is_string(kind) or types.is_large_string(kind):
            found.append(np.array([v or "" for v in column.to_pylist()], dtype=str))
            looks.append(Column(field.name, True, False, False))
        elif types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
            values = np.array([np.nan if v is None else v for v in column.to_pylist()], np.float64)
            found.append(values)
            looks.append(look(field.name, values))
        else:
            fail(
                "NC404", f"a column must hold numbers or names, not {field.type}", where=Where(name, tensor=field.name)
            )
    roles = choose(looks, reading, here)
    for c in roles.x:
        if looks[c].text:
            place = Where(name, tensor=looks[c].name)
            fail("NC405", f"a cell must be a finite number, not '{found[c][0]}'", where=place,
                 help="--label NAME says which column holds the labels")  # fmt: skip
    x = np.stack([found[c] for c in roles.x], axis=1)
    refuse_gaps(x, [looks[c].name for c in roles.x], reading, name)
    label = roles.label
    return Raw({"x": x}, None if label is None else found[label], "" if label is None else looks[label].name,
               notes=roles.notes)  # fmt: skip


def refuse_gaps(x: Array, names: Sequence[str], reading: Reading, name: str) -> None:
    """NC405 by row and column, unless --missing says what becomes of missing values."""
    if reading.missing or not np.isnan(x).any():
        return
    row, column = (int(i) for i in np.argwhere(np.isnan(x))[0])
    fail("NC405", f"a cell must be a finite number, not empty in row {row + 1}",
         where=Where(name, tensor=names[column]), help=MISSING_HELP)  # fmt: skip


MISSING_HELP = "--missing mean fills such cells with the column's mean, --missing drop leaves such rows out"
