"""Synthesis with the real tools: figures that can be checked by hand, and every way in which a design is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nc.backends.synth import asic
from nc.backends.synth.devices import DEVICES
from nc.backends.synth.liberty import read_liberty
from nc.backends.synth.synthesise import SynthesisResult, operator_bits, synthesise
from nc.ir.diagnostics import NcError, UsageError
from nc.sim import tools

pytestmark = pytest.mark.skipif(tools.find("pyosys") is None, reason="pyosys is not installed")

ADDER = """
module top(input clk, input [7:0] a, b, output reg [8:0] y);
  always @(posedge clk) y <= a + b;
endmodule
"""
# Four instances of one module: a 6-input function, so one 6-input LUT each.
CELLS = """
module one(input [5:0] x, output y);
  assign y = (x[0] & x[1]) ^ (x[2] | x[3]) ^ (x[4] & ~x[5]);
endmodule
module top(input [23:0] x, output [3:0] y);
  one a(x[5:0], y[0]);
  one b(x[11:6], y[1]);
  one c(x[17:12], y[2]);
  one d(x[23:18], y[3]);
endmodule
"""
LIBERTY = """
library (small) {
  leakage_power_unit : "1nW"; /* a comment */
  capacitive_load_unit (1, pf);
  cell (INVX1) { area : 1.0; cell_leakage_power : 2.0;
    pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } }
  cell (NAND2) { area : 1.5;
    leakage_power () { when : "A&B"; value : 3.0; } leakage_power () { when : "!A"; value : 5.0; }
    pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A & B)"; } }
  cell (NOR2) { area : 1.6; cell_leakage_power : 2.5;
    pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A | B)"; } }
  cell (XOR2) { area : 4.0; cell_leakage_power : 6.0;
    pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(A ^ B)"; } }
  cell (BUFX1) { area : 2.0; cell_leakage_power : 2.0;
    pin (A) { direction : input; } pin (Y) { direction : output; function : "A"; } }
  cell (HUGE) { area : 0.1; dont_use : true; cell_leakage_power : 1;
    pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(A & B)"; } }
  cell (DFF) { area : 6.0; cell_leakage_power : 10.0;
    ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (CK) { direction : input; clock : true; } pin (D) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
}
"""


def run(tmp_path: Path, text: str, device: str = "lut6", **more: object) -> SynthesisResult:
    source = tmp_path / "design.v"
    source.write_text(text)
    return synthesise([source], "top", device, out_dir=tmp_path / "out", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "device, luts, carries, depth",
    [("ice40-hx8k", 8, 8, 1), ("ecp5-25k", 10, 5, 1), ("xcup", 8, 3, 1)],
)
def test_an_adder_takes_what_its_carry_chain_takes(
    tmp_path: Path, device: str, luts: int, carries: int, depth: int
) -> None:
    result = run(tmp_path, ADDER, device)
    assert (result.ffs, result.brams, result.dsps, result.mode) == (9, 0, 0, "flat")
    assert abs(result.luts - luts) <= 1 and result.carries == carries, result.cell_types  # type: ignore[operator]
    assert result.depth == depth


def test_the_smaller_adder_is_kept(tmp_path: Path) -> None:
    text = "module top(input [31:0] a, b, c, output [31:0] y); assign y = a + (b ^ c); endmodule"
    result = run(tmp_path, text, "lut6")
    assert result.variants["ripple"] < result.variants["prefix"]
    assert (result.variant, result.luts, result.carries) == ("ripple", result.variants["ripple"], 0)


@pytest.mark.parametrize("hierarchy", ["flat", "keep"])
def test_instances_are_multiplied(tmp_path: Path, hierarchy: str) -> None:
    result = run(tmp_path, CELLS, "xcup", hierarchy=hierarchy)
    assert (result.luts, result.depth, result.cell_types) == (4, 1, {"LUT6": 4})
    assert result.mode == {"flat": "flat", "keep": "hierarchical"}[hierarchy]


def test_large_designs_keep_their_hierarchy() -> None:
    cells = {"$add_8": {"count": 3}, "$lut": 5, "one": {"count": 4}, "$mux_16": 2}
    assert operator_bits({"design": {"num_cells_by_type": cells}}) == 3 * 8 + 5 + 2 * 16


@pytest.mark.parametrize("device", ["ice40-hx8k", "ecp5-25k"])
def test_place_and_route(tmp_path: Path, device: str) -> None:
    if tools.find(DEVICES[device].pnr) is None:
        pytest.skip(f"{DEVICES[device].pnr} is not here")
    result = run(tmp_path, ADDER.replace("a + b", "y + a"), device, pnr=True)
    assert result.fmax_mhz is not None and 50 < result.fmax_mhz < 1000
    assert result.bitstream is not None and (tmp_path / "out" / result.bitstream).stat().st_size > 1000
    assert result.utilisation


def test_too_many_pins_and_luts_are_said_at_once(tmp_path: Path) -> None:
    text = "module top(input [99:0] a, output [99:0] y); assign y = a ^ (a >> 1); endmodule"
    with pytest.raises(NcError) as caught:
        run(tmp_path, text, "ice40-up5k", pnr=True)
    assert str(caught.value) == (
        "error[NC523]: the design must fit the 39 pins of ice40-up5k, and it needs 200\n"
        "  help: compile with a narrower stream: --set io.width=32"
    )


def test_a_device_without_place_and_route(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        run(tmp_path, ADDER, "xcup", pnr=True)
    assert str(caught.value) == (
        "error[NC524]: place and route must be for one of ice40-hx8k, ice40-up5k, ecp5-25k, ecp5-85k, not 'xcup'"
    )


def test_unknown_device(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run(tmp_path, ADDER, "ice40-hx4k")
    assert caught.value.diagnostics[0].help == "did you mean 'ice40-hx8k'?"


def test_an_unresolved_module_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        run(tmp_path, "module top(input a, output y); missing unit(.a(a), .y(y)); endmodule")
    assert str(caught.value) == (
        "error[NC521]: every module that the design refers to must be given, and 'missing' is not "
        "(used in module 'top')\n"
        "  help: give all Verilog files of the design, and the memory files beside them"
    )


def test_a_missing_memory_file_is_an_error(tmp_path: Path) -> None:
    text = """module top(input [1:0] a, output [7:0] y);
      reg [7:0] m [0:3];
      initial $readmemh("weights.hex", m);
      assign y = m[a];
    endmodule"""
    with pytest.raises(NcError) as caught:
        run(tmp_path, text)
    assert str(caught.value).startswith(
        "error[NC521]: every memory that the design refers to must be given, and 'weights.hex' is not"
    )


def test_a_black_box_is_an_error(tmp_path: Path) -> None:
    text = """(* blackbox *) module box(input a, output y); endmodule
    module top(input a, output y); box unit(.a(a), .y(y)); endmodule"""
    with pytest.raises(NcError, match="every cell of the netlist must be one of the device's, and box is not"):
        run(tmp_path, text)


def test_a_syntax_error_shows_what_yosys_said(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        run(tmp_path, "module top(input a; endmodule")
    assert "error[NC501]: Yosys failed (exit status 1)" in str(caught.value)
    assert "syntax error" in str(caught.value)


def test_a_time_limit(tmp_path: Path) -> None:
    with pytest.raises(NcError, match=r"error\[NC502\]: Yosys must end within 0.01 s, and it did not"):
        run(tmp_path, ADDER, limit_s=0.01)


def test_standard_cells(tmp_path: Path) -> None:
    library = tmp_path / "small.lib"
    library.write_text(LIBERTY)
    text = """module top(input clk, input [1:0] a, output reg y);
      always @(posedge clk) y <= ~(a[0] & a[1]);
    endmodule"""
    result = run(tmp_path, text, liberty=library)
    assert result.cell_types == {"DFF": 1, "NAND2": 1}
    assert (result.area_um2, result.ffs, result.depth, result.luts) == (7.5, 1, 1, None)
    assert result.leakage_uw == pytest.approx((10 + 4) * 1e-3)
    assert set(result.variants) <= set(asic.SCRIPTS) and len(result.variants) >= 4
    assert result.area_um2 == min(result.variants.values())


def test_a_library_without_a_flip_flop(tmp_path: Path) -> None:
    library = tmp_path / "small.lib"
    library.write_text(LIBERTY[: LIBERTY.index("  cell (DFF)")] + "}")
    with pytest.raises(NcError) as caught:
        run(tmp_path, ADDER, liberty=library)
    assert "error[NC526]: every cell of the result must be in the library, and " in str(caught.value)


@pytest.mark.parametrize("text", ["", "module top; endmodule", "library (x) { cell (A) { area : 1;", "library (x) { }"])
def test_not_a_liberty_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.lib"
    path.write_text(text)
    with pytest.raises(NcError, match=r"error\[NC525\]"):
        read_liberty(path)
