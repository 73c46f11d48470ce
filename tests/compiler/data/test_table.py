"""Tables as people write them: separators, headers, labels, missing values, decimal commas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.data import Dataset, load
from nc.ir.diagnostics import NcError

ONE = {"inputs": {"x": (2,)}}


def table(tmp_path: Path, text: str, **options: object) -> Dataset:
    path = tmp_path / "d.csv"
    path.write_text(text)
    return load(path, **options)


def refused(tmp_path: Path, text: str, **options: object) -> str:
    with pytest.raises(NcError) as caught:
        table(tmp_path, text, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("1.5,2,0\n-3,4,1\n", ONE),
        ("1.5;2;0\n-3;4;1\n", ONE),
        ("0,1.5,2\n1,-3,4.5\n", {"label": "1", "x": "2,3"}),
        ("0\t1.5\t2\n1\t-3\t4.5\n", {"label": "-3"}),
        ("a;b;Target\n1,5;2;0\n-3;4,5;1\n", {}),
        ("a|b|y\n1.5|2|0\n-3|4.5|1\n", ONE),
        ("id,a,b,label\n7,1.5,2,0\n8,-3,4.5,1\n", {"x": "a,b"}),
        (",a,b,label\n0,1.5,2,0\n1,-3,4.5,1\n", ONE),
        ("a,b,kind\n1.5,2,cat\n-3,4.5,dog\n", {}),
        ("1.5,2,cat\n-3,4.5,dog\n", {}),
        ('a,b,kind\n"1,5","2",cat\n-3,"4,5",dog\n', {}),
        ("a,b,kind\n1.5,2,dog\n-3,4.5,cat\n", {"classes": ("dog", "cat")}),
        ("a,b,label\n1.5,2,-1\n-3,4.5,1\n", {"classes": ("-1", "1")}),
        ("a,b,label\n\n1.5,2,0\n\n-3,4.5,1\n", {}),
    ],
)
def test_the_same_table_in_many_forms(tmp_path: Path, text: str, options: dict[str, object]) -> None:
    data = table(tmp_path, text, **options)
    last = 4.5 if "4.5" in text or "4,5" in text else 4
    np.testing.assert_array_equal(data.x, [[1.5, 2], [-3, last]])
    np.testing.assert_array_equal(data.labels(), [0, 1])


def test_class_names_are_sorted_and_said(tmp_path: Path) -> None:
    data = table(tmp_path, "1,b\n2,a\n3,b\n")
    assert (data.classes, data.labels().tolist(), data.label) == (("a", "b"), [1, 0, 1], "column 2")
    assert str(data.notes[0]).startswith("note[NC409]: class names are numbered in sorted order: 0 a, 1 b")
    assert refused(tmp_path, "1,b\n2,c\n", classes=("a", "b")).startswith(
        "error[NC407]: a label must be one of a, b, not 'c' in sample 1\n  --> d.csv: tensor 'column 2'"
    )


def test_as_many_columns_as_inputs_are_no_labels(tmp_path: Path) -> None:
    """A network of coordinates: `y` is one of them."""
    data = table(tmp_path, "x,y\n1,2\n3,4\n", **ONE)
    assert data.y is None and data.x.shape == (2, 2)


def test_real_targets(tmp_path: Path) -> None:
    data = table(tmp_path, "a,y\n1,0.5\n2,1.5\n")
    assert data.y is None
    np.testing.assert_array_equal(data.targets, [0.5, 1.5])
    with pytest.raises(NcError, match="NC407"):
        data.labels()


def test_missing_values(tmp_path: Path) -> None:
    text = "a,b,label\n1,2,0\n?,4,1\n5,NA,0\n"
    assert refused(tmp_path, text) == (
        "error[NC405]: a cell must be a finite number, not '?'\n  --> d.csv:3: tensor 'a'\n"
        "  help: --missing mean fills such cells with the column's mean, --missing drop leaves such rows out\n"
        "error[NC405]: a cell must be a finite number, not 'NA'\n  --> d.csv:4: tensor 'b'"
    )
    filled = table(tmp_path, text, missing="mean")
    np.testing.assert_array_equal(filled.x, [[1, 2], [3, 4], [5, 3]])
    dropped = table(tmp_path, text, missing="drop")
    assert (dropped.x.tolist(), dropped.labels().tolist()) == ([[1, 2]], [0])
    assert str(dropped.notes[0]).startswith("note[NC409]: 2 of 3 samples have missing values and are left out")
    assert refused(tmp_path, text, missing="median").startswith("error[NC003]: --missing must be mean or drop")


def test_missing_labels(tmp_path: Path) -> None:
    text = "a,label\n1,cat\n2,\n3,dog\n"
    assert refused(tmp_path, text, missing="mean") == (
        "error[NC407]: a label must be given, not empty\n  --> d.csv:3: tensor 'label'\n"
        "  help: --missing drop leaves such rows out"
    )
    assert table(tmp_path, text, missing="drop").labels().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a;b\n1,5;2.5\n", {}, "decimal marks must be all points or all commas, not both\n  --> d.csv:2: tensor 'a'"),
        ("a;b\n1,500;2\n", {}, "a comma must be a decimal mark, not one that may mark thousands as well\n  --> d.csv"),
        ("a;b\n1.234,5;2\n", {}, "a cell must be a finite number, not '1.234,5'\n  --> d.csv:2: tensor 'a'"),
        ("5,2,3\n2,1,0\n", ONE, "one of 3 columns must be the labels, the first or the last, but both could be class "
         "indices\n  --> d.csv\n  help: --label 1 or --label 3 says which"),
        ("1,.5,.25\n2,1,.5\n", {"inputs": {"x": (2,)}, "label": "4"}, "--label must be a column of the table"),
        ("a,class,target\n1,0,1\n2,1,0\n", {}, "one of class, target must be the labels, and nothing says which\n"
         "  --> d.csv\n  help: --label NAME says so"),
        ("0,1,2,kind\n.1,.2,.3,cat\n.4,.5,.6,dog\n", {}, "the first row, 0, 1, 2, kind, must be names or values, and "
         "nothing says which\n  --> d.csv:1\n  help: --header reads it as names, --no-header as values"),
        ("a,b,kind\n1,red,cat\n2,blue,dog\n", {"label": "kind"}, "a cell must be a finite number, not 'red'"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_refused(tmp_path: Path, text: str, options: dict[str, object], message: str) -> None:
    assert message in refused(tmp_path, text, **options)


def test_a_header_of_numbers_can_be_said(tmp_path: Path) -> None:
    text = "0,1,2,kind\n.1,.2,.3,cat\n.4,.5,.6,dog\n"
    assert len(table(tmp_path, text, header=True)) == 2
    assert len(table(tmp_path, text, header=False)) == 3


def test_a_label_found_by_number_alone_is_checked_on_every_row(tmp_path: Path) -> None:
    rows = "".join(f"{i % 2},0.5,0.25\n" for i in range(2000))
    assert table(tmp_path, rows, **ONE).labels()[:3].tolist() == [0, 1, 0]
    assert "the labels must be class indices, which column 'column 1' does not hold" in refused(
        tmp_path, rows + "0.5,0.5,0.25\n", **ONE
    )
