"""Cell libraries as data: the built-in one is consistent, and faults of a user's are all named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.backends.sfq.library import BUILT_IN, load_library
from nc.ir.diagnostics import NcError


def test_state_machines_compute_the_functions() -> None:
    """One clock period: each subset of data pulses, then the clock, fires exactly what the function says."""
    for cell in load_library().cells.values():
        if not (cell.clocked and cell.data.function):
            continue
        pins = cell.data_inputs
        for row in range(1 << len(pins)):
            state = 0
            for i in np.random.default_rng(row).permutation(len(pins)).tolist():
                if row >> i & 1:
                    move = cell.moves[state][cell.data.inputs.index(pins[i])]
                    state = move.state
                    assert not move.fired
            move = cell.moves[state][cell.data.inputs.index(cell.data.clock)]
            wanted = [out for out in range(len(cell.data.outputs)) if cell.gate_type.truth_table(out)[row]]
            assert sorted(move.fired) == wanted, cell.name
            assert move.state == 0, cell.name


def test_faults_are_all_named(tmp_path: Path) -> None:
    text = BUILT_IN.read_text().replace("limits: {a>a: 7.0}", "limits: {a>z: 7.0}")
    text = text.replace("zero: {t: one, clk: zero}", "zero: {t: two, clk: zero}").replace("wire: JTL", "wire: JTLX")
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(NcError) as error:
        load_library(path)
    message = str(error.value)
    assert "cell 'SPLIT' must have limits 'x>y' between its inputs, not 'a>z'" in message
    assert "cell 'T1' must have transitions 'state' or 'state / outputs', not 'two'" in message
    assert "role 'wire' must name a cell, not 'JTLX'" in message


def test_wrong_types_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(BUILT_IN.read_text().replace("jj: 15,", "jj: many,"))
    with pytest.raises(NcError, match="NC801.*'cells.AND2.jj' is wrong"):
        load_library(path)
