"""Decks as files: pulse times, waves, and refusals by their full text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nc.ir.diagnostics import NcError
from nc.sim.circuit_engine import is_deck, simulate_deck

DECK = """* a junction that one current pulse switches
.model jmod jj(rtype=1, vg=2.8mV, cap=0.07pF, r0=160, rn=16, icrit=0.1mA)
B1 1 0 jmod area=2.5
R1 1 0 2.7
I1 0 1 pwl(0 0 5p 175u)
I2 0 1 pwl(0 0 20p 0 22.5p 300u 25p 0)
.tran 0.1p 60p
.print p(B1)
.end
"""


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "one.cir"
    path.write_text(DECK)
    return path


def test_pulses_of_the_printed_junctions(deck: Path, tmp_path: Path) -> None:
    found = simulate_deck(deck, waves=tmp_path / "waves.csv")
    assert found["junctions"] == 1 and found["steps"] == 600
    (times,) = found["pulses"].values()  # type: ignore[attr-defined]
    assert len(times) == 1 and 20 < times[0] < 40
    rows = (tmp_path / "waves.csv").read_text().splitlines()
    assert rows[0] == "ps,B1" and len(rows) == 602


def test_no_pulse_without_drive(deck: Path) -> None:
    deck.write_text(DECK.replace("300u", "0u"))
    assert simulate_deck(deck)["pulses"] == {"B1": []}


def test_from_the_command_line(deck: Path) -> None:
    assert is_deck(deck)
    command = [sys.executable, "-m", "nc.compiler.cli", "simulate", str(deck), "--engine", "circuit", "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout)["junctions"] == 1


def test_an_unsupported_element_is_refused_by_name(deck: Path) -> None:
    deck.write_text(DECK.replace("R1 1 0 2.7", "Q1 1 0 2.7"))
    with pytest.raises(NcError) as error:
        simulate_deck(deck)
    assert str(error.value) == (
        f"error[NC821]: line 4: element must be one of B R L C K T I V P X, not 'Q1'\n  --> {deck}"
    )


def test_a_missing_deck_is_named(tmp_path: Path) -> None:
    with pytest.raises(NcError) as error:
        simulate_deck(tmp_path / "none.cir")
    assert str(error.value) == (
        f"error[NC821]: circuit deck must be a readable file, not '{tmp_path / 'none.cir'}' (No such file or directory)"
    )
