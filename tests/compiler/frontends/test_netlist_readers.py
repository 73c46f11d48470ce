"""AIGER, BLIF and Yosys JSON: read back what tools write, and refuse broken files by line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.frontends.aiger import read_aiger
from nc.compiler.frontends.blif import read_blif
from nc.compiler.frontends.yosys_json import read_yosys_json
from nc.ir.diagnostics import NcError
from nc.ir.netlist_eval import evaluate, from_bits, simulate, to_bits
from nc.ir.netlist_export import to_blif

HALF_ADDER = "aag 7 2 0 2 3\n2\n4\n6\n12\n6 13 15\n12 2 4\n14 3 5\ni0 x\ni1 y\no0 s\no1 c\nc\ncomment\n"


def write(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_ascii_aiger(tmp_path: Path) -> None:
    netlist = read_aiger(write(tmp_path, "ha.aag", HALF_ADDER))
    x, y = to_bits(np.array([0, 1, 0, 1]), 1), to_bits(np.array([0, 0, 1, 1]), 1)
    got = evaluate(netlist, {"x": x, "y": y})
    assert got["s"].ravel().tolist() == [0, 1, 1, 0]
    assert got["c"].ravel().tolist() == [0, 0, 0, 1]


def test_binary_aiger_equals_ascii(tmp_path: Path) -> None:
    """The same half adder in binary: variables renumbered, literals delta coded, 7 bits a byte."""
    raw = b"aig 5 2 0 2 3\n10\n6\n" + bytes([6 - 4, 4 - 2, 8 - 5, 5 - 3, 10 - 9, 9 - 7]) + b"i0 x\ni1 y\no0 s\no1 c\n"
    netlist = read_aiger(write(tmp_path, "ha.aig", raw))
    x, y = to_bits(np.array([0, 1, 0, 1]), 1), to_bits(np.array([0, 0, 1, 1]), 1)
    got = evaluate(netlist, {"x": x, "y": y})
    assert got["s"].ravel().tolist() == [0, 1, 1, 0]
    assert got["c"].ravel().tolist() == [0, 0, 0, 1]


def test_aiger_latch_toggles(tmp_path: Path) -> None:
    netlist = read_aiger(write(tmp_path, "toggle.aag", "aag 1 0 1 2 0\n2 3 1\n2\n3\n"))
    assert simulate(netlist, {}, cycles=4)["o0"].ravel().tolist() == [1, 0, 1, 0]


def test_buses_are_gathered(tmp_path: Path) -> None:
    text = "aag 3 3 0 1 0\n2\n4\n6\n6\ni0 a[0]\ni1 a[1]\ni2 b\n"
    netlist = read_aiger(write(tmp_path, "bus.aag", text))
    assert [(p.name, p.width) for p in netlist.inputs] == [("a", 2), ("b", 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aag x\n", "AIGER file must start with 'aig M I L O A' or 'aag M I L O A', not 'aag x'"),
        ("aag 1 1 0 1 0\n2\n", "line 3 must hold literals, not ''"),
        ("aag 1 1 0 1 0\n2\n8\n", "AIGER literal must be at most 3, not 8"),
        ("aag 2 1 0 1 0\n2\n4\n", "literal 4 of o0 must be an input, a latch or an and gate"),
        ("aig 2 1 0 0 1\n\x81", "and gates must end before byte 15, where the file ends"),
    ],
)
def test_broken_aiger(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(NcError) as error:
        read_aiger(write(tmp_path, "bad.aig", text.encode("latin1")))
    assert message in str(error.value) and "NC286" in str(error.value)


BLIF = """# a majority and a constant
.model maj
.inputs a b \\
 c
.outputs y k
.names a b c y
11- 1
1-1 1
-11 1
.names k
1
.end
"""


def test_blif_and_its_export(tmp_path: Path) -> None:
    netlist = read_blif(write(tmp_path, "maj.blif", BLIF))
    again = read_blif(write(tmp_path, "again.blif", to_blif(netlist)))
    bits = to_bits(np.arange(8), 3)
    inputs = {name: bits[:, i : i + 1] for i, name in enumerate("abc")}
    for each in (netlist, again):
        got = evaluate(each, inputs)
        assert got["y"].ravel().tolist() == (bits.sum(axis=1) >= 2).astype(int).tolist()
        assert got["k"].ravel().tolist() == [1] * 8


def test_blif_latch(tmp_path: Path) -> None:
    text = ".model t\n.outputs q\n.names q d\n0 1\n.latch d q re clk 1\n.end\n"
    netlist = read_blif(write(tmp_path, "t.blif", text))
    assert simulate(netlist, {}, cycles=3)["q"].ravel().tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".inputs a\n", "BLIF file must have a '.model'"),
        (".model m\n.outputs y\n.end\n", "output 'y' must be driven by an input or a gate"),
        (".model m\n.outputs y\n.names a y\n1 1\n", "line 3: net 'a' must be driven by an input or a gate"),
        (".model m\n.inputs a\n.outputs y\n.names a y\n12 1\n", "line 4: cover of 'y' must be rows of 0, 1, -"),
        (".model m\n.exdc\n", "line 2: command '.exdc' must be one of .names .gate .subckt .latch"),
        (".model m\n.inputs a\n.outputs y\n.gate nand2x a=a O=y\n", "line 4: cell type must be in the library"),
    ],
)
def test_broken_blif(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(NcError) as error:
        read_blif(write(tmp_path, "bad.blif", text))
    assert message in str(error.value)


def module(**cells: object) -> dict[str, object]:
    ports = {"clk": {"direction": "input", "bits": [2]}, "d": {"direction": "input", "bits": [3]}}
    ports["q"] = {"direction": "output", "bits": [4]}
    names = {"q": {"hide_name": 0, "bits": [4], "attributes": {"init": "1"}}}
    return {"modules": {"top": {"attributes": {"top": "1"}, "ports": ports, "cells": cells, "netnames": names}}}


def test_yosys_json(tmp_path: Path) -> None:
    flop = {"type": "$_DFF_P_", "connections": {"D": [3], "C": [2], "Q": [4]}}
    path = write(tmp_path, "x.json", json.dumps(module(f=flop)))
    netlist = read_yosys_json(path)
    data = np.array([0, 1, 1, 0]).reshape(4, 1, 1)
    assert simulate(netlist, {"d": data})["q"].ravel().tolist() == [1, 0, 1, 1]
    assert from_bits(netlist.init[:, None]).tolist() == [1]


def test_yosys_json_lists_every_unknown_cell() -> None:
    word = {"type": "$add", "connections": {"A": [3], "B": [3], "Y": [4]}}
    with pytest.raises(NcError) as error:
        read_yosys_json(module(u1=word, u2={**word, "type": "$_ADN_"}))
    assert str(error.value).count("NC284") == 2
    assert "did you mean '$_AND_'?" in str(error.value)


@pytest.mark.parametrize("name", ["adder", "c499", "int2float"])
def test_abc_writes_what_we_read(tmp_path: Path, name: str, circuits: Path, abc: str) -> None:
    """Our reader against ABC's own: the BLIF that we export from an AIGER file is equivalent to the file."""
    import subprocess

    source = circuits / f"{name}.aig"
    ours = write(tmp_path, "ours.blif", to_blif(read_aiger(source)))
    done = subprocess.run([abc, "-q", f"cec -n {source} {ours}"], capture_output=True, text=True, check=True)
    assert "Networks are equivalent" in done.stdout
