"""Verilog that would simulate or synthesise to something else than it seems is refused, all findings at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from nc.backends.synth.check import check_verilog
from nc.ir.diagnostics import NcError
from nc.sim import tools

pytestmark = pytest.mark.skipif(tools.find("pyosys") is None, reason="pyosys is not installed")


def check(tmp_path: Path, text: str) -> None:
    (tmp_path / "top.v").write_text(text)
    check_verilog([tmp_path / "top.v"], "top", tmp_path / "out")


def test_a_sound_design_passes(tmp_path: Path) -> None:
    check(tmp_path, "module top(input clk, a, output reg y); always @(posedge clk) y <= a; endmodule")


def test_every_finding_is_told(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        check(tmp_path, """module top(input a, b, output x, y, z);
          wire nobody; assign x = a & nobody;
          assign y = a ^ b; assign y = a | b;
          wire p, q; assign p = q & a; assign q = p | b; assign z = q;
        endmodule""")  # fmt: skip
    assert str(caught.value) == (
        "error[NC528]: signal 'nobody' of module 'top' must have a driver, and has not\n"
        "error[NC528]: signal 'y' of module 'top' must have one driver, and has not\n"
        "error[NC528]: module 'top' must be free of combinational loops, and is not"
    )


def test_an_unresolved_module(tmp_path: Path) -> None:
    with pytest.raises(NcError, match=r"error\[NC521\]: every module .* and 'gone' is not \(used in module 'top'\)"):
        check(tmp_path, "module top(input a, output y); gone unit(a, y); endmodule")
