"""Adder cells: the Xilinx form equals the behaviour for every shape tried (Yosys SAT on its simulation models)."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from nc.hdl.verilog import to_verilog
from nc.hdl.word_adders import Adder, AdderShape, Operand, XilinxAdder

PROVE = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for name in sys.argv[1].split(","):
    for command in (
        "read_verilog +/xilinx/cells_sim.v", f"read_verilog b_{name}.v", f"hierarchy -check -top b_{name}",
        "proc", "flatten", "design -stash gate",
        f"read_verilog a_{name}.v", f"hierarchy -check -top a_{name}", "proc", "design -stash gold",
        f"design -copy-from gold -as gold a_{name}", f"design -copy-from gate -as gate b_{name}",
        "miter -equiv -flatten gold gate both", "sat -verify -prove trigger 0 both", "design -reset",
    ):
        ys.run_pass(command, design)
"""


def random_shape(rng: random.Random) -> AdderShape:
    operands = [
        Operand(rng.randint(1, 6), rng.random() < 0.5, rng.randint(0, 4), rng.random() < 0.4)
        for _ in range(rng.choice([2, 3]))
    ]
    if all(o.neg for o in operands):
        operands[0] = Operand(operands[0].width, operands[0].signed, operands[0].shift)
    if len(operands) == 2 and rng.random() < 0.5:
        operands.append(Operand(0, True, value=rng.choice([-37, -8, -1, 1, 6, 20, 100])))
    return AdderShape(rng.randint(3, 12), tuple(operands))


def prove(shapes: list[AdderShape], folder: Path) -> None:
    for shape in shapes:
        for prefix, cell in (("a", Adder(shape)), ("b", XilinxAdder(shape))):
            text = to_verilog(cell, cell.ports, f"{prefix}_{shape.name}")
            (folder / f"{prefix}_{shape.name}.v").write_text(text)
    names = ",".join(s.name for s in shapes)
    done = subprocess.run([sys.executable, "-c", PROVE, names], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def test_xilinx_form_equals_behaviour(tmp_path: Path) -> None:
    rng = random.Random(7)
    prove(list(dict.fromkeys(random_shape(rng) for _ in range(15))), tmp_path)


def test_ternary_adder_takes_a_lut_a_bit() -> None:
    shape = AdderShape(12, (Operand(10, False), Operand(10, False), Operand(10, False)))
    assert shape.luts <= 12


def test_low_bits_of_a_single_operand_are_wires() -> None:
    assert AdderShape(9, (Operand(8, False), Operand(4, False, 4))).luts == 4


@pytest.mark.slow
def test_many_shapes(tmp_path: Path) -> None:
    rng = random.Random(11)
    prove(list(dict.fromkeys(random_shape(rng) for _ in range(300))), tmp_path)
