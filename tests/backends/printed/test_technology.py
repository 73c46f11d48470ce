"""EGFET figures, Liberty and genlib: written, read back, refused with words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.backends.printed.boolean import truth_table
from nc.backends.printed.genlib import write_genlib
from nc.backends.printed.liberty import read_liberty, write_liberty
from nc.backends.printed.technology import egfet
from nc.ir.diagnostics import NcError


@pytest.mark.parametrize(
    ("text", "table"),
    [("!A", 0b0101), ("A'", 0b0101), ("A B", 0b1000), ("A+!B", 0b1011), ("A^B", 0b0110), ("!(A&B)|0", 0b0111)],
)
def test_boolean(text: str, table: int) -> None:
    assert truth_table(text, ["A", "B"]) == table


@pytest.mark.parametrize(("text", "word"), [("A+", "missing"), ("A)", "unexpected"), ("C", "'C'"), ("(A", "closed")])
def test_boolean_refuses(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        truth_table(text, ["A", "B"])


def test_all_eleven_cells_with_both_supplies() -> None:
    technology = egfet()
    assert len(technology.cells) == 11
    assert technology.vdds == ("0.6", "1.0")
    nand = technology.cells["NAND2X1"]
    # leakage depends on the state: a NAND with output 0 leaks some forty times more than one with output 1
    leak = nand.leakage_by_row("1.0")
    assert leak[0b11] > 30 * leak[:3].max()
    # the cheapest exclusive or is four NANDs
    assert 4 * nand.area_mm2 < technology.cells["XOR2X1"].area_mm2
    assert technology.flipflop.name == "DFFX1"


@pytest.mark.parametrize("vdd", ["0.6", "1.0"])
def test_liberty_round_trip(tmp_path: Path, vdd: str) -> None:
    path = tmp_path / "cells.lib"
    path.write_text(write_liberty(egfet(), vdd))
    read = read_liberty(path)
    assert read.vdds == (vdd,)
    for cell in egfet().gates:
        again = read.cells[cell.name]
        assert (again.area_mm2, again.table, again.inputs) == (cell.area_mm2, cell.table, cell.inputs)
        assert np.allclose(again.leakage_by_row(vdd), cell.leakage_by_row(vdd))
        assert again.corners[vdd].delay_us == cell.corners[vdd].delay_us
    assert read.flipflop.area_mm2 == egfet().flipflop.area_mm2


def test_liberty_units_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "cells.lib"
    path.write_text(
        """library (mine) { /* a comment */ time_unit : "10ps"; leakage_power_unit : "1nW"; nom_voltage : 0.8;
        cell (INV) { area : 2; cell_leakage_power : 500; pin (A) { direction : input; capacitance : 1.0; }
          pin (Y) { direction : output; function : "A'"; timing () { related_pin : "A";
            cell_rise (t) { values ("1, 2, 3", \\
                                    "4, 5, 6"); } cell_fall (scalar) { values ("3"); } } } } // another
        cell (NOR) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; }
          pin (Y) { direction : output; function : "!(A | B)"; } } }"""
    )
    technology = read_liberty(path)
    inverter = technology.cells["INV"].corners["0.8"]
    assert inverter.leakage_mean_uw == pytest.approx(0.5)
    assert inverter.rise_us == pytest.approx(4 * 1e-5)
    assert technology.cells["NOR"].table == 0b0001


def test_liberty_without_inverter(tmp_path: Path) -> None:
    path = tmp_path / "poor.lib"
    path.write_text(
        """library (poor) { cell (AND2) { area : 1; pin (A) { direction : input; } pin (B) { direction : input; }
        pin (Y) { direction : output; function : "A * B"; } } }"""
    )
    with pytest.raises(NcError) as caught:
        read_liberty(path)
    assert str(caught.value) == (
        "error[NC652]: library 'poor' must have an inverter and a NAND or NOR of two inputs; it has the gates AND2\n"
        "  help: use the built-in EGFET library (leave --liberty out), or add the cells"
    )


@pytest.mark.parametrize("text", ["library (x) {", "not a library", ""])
def test_liberty_cut_off(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.lib"
    path.write_text(text)
    with pytest.raises(NcError) as caught:
        read_liberty(path)
    assert str(caught.value) == (
        "error[NC651]: Liberty file must hold one complete 'library (...) { ... }' group\n"
        "  --> broken.lib\n"
        "  help: the file ends inside a group, or is no Liberty file"
    )


def test_genlib_prices_and_functions() -> None:
    text = write_genlib(egfet(), area=lambda cell: 7.0)
    assert "GATE NAND2X1 7.000000 Y=!(A1*A2);" in text
    assert "^" not in text
