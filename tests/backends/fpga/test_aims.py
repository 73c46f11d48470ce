"""What a design is for when little is said: a device, a style that fits, registers for its clock, few enough pins."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.fpga.aims import asked_mhz, device_of, registers, style, too_large
from nc.backends.fpga.backend import BACKEND
from nc.backends.fpga.design import build
from nc.backends.fpga.memories import with_styles
from nc.backends.fpga.options import Options
from nc.compiler.streaming.blocks import FAMILIES
from nc.ir.graph import Builder, Graph
from nc.ir.ops.matmul import MatMul
from nc.ir.types import IntType, TensorType


def dense(terms: int, results: int, bits: int = 8) -> Graph:
    """Weights of 7 in 8 bits: one digit each but for the sign."""
    make = Builder("dense")
    x = make.input("x", TensorType((terms,), IntType(0, (1 << bits) - 1)))
    rng = np.random.default_rng(0)
    make.output("y", make.add(MatMul(), x, make.constant(rng.integers(-127, 128, (terms, results)))))
    return make.finish()


def options(**given: object) -> Options:
    return Options.model_validate(given)


def test_devices() -> None:
    assert device_of(options()).name == "ecp5-85k"
    assert device_of(options(optimise={"technology": "ice40"})).name == "ice40-hx8k"
    assert device_of(options(optimise={"technology": "ice40"}, fit={"device": "ice40-up5k"})).name == "ice40-up5k"


def test_large_networks_fold_unless_space_is_asked_for() -> None:
    small, large = dense(8, 4), dense(200, 200)
    assert style(small, options()) == "spatial"
    assert style(large, options()) == "streaming"
    assert style(large, options(style="spatial")) == "spatial"
    (warning,) = too_large(large, options(style="spatial"))
    assert (warning.code, warning.severity) == ("NC618", "warning")
    assert "ecp5-85k" in warning.message
    assert not too_large(small, options())


def test_registers_follow_the_device_where_nothing_is_said() -> None:
    assert registers(options()).clock_mhz == 50
    assert registers(options(fit={"device": "ice40-up5k"})).clock_mhz == 16
    for given in ({"stages": 0}, {"stages": 3}, {"every": 2}):
        assert registers(options(pipeline=given)).clock_mhz is None
    assert registers(options(style="spatial")).clock_mhz is None
    assert (asked_mhz(options()), asked_mhz(options(pipeline={"clock_mhz": 30}))) == (50, 30)
    assert asked_mhz(options(pipeline={"stages": 3})) is None


def test_the_default_design_has_registers_and_says_for_what() -> None:
    design = build(dense(16, 8), options())
    assert design.latency > 0
    assert build(dense(16, 8), options(pipeline={"stages": 0})).latency == 0
    figures = BACKEND.estimate(design)
    assert figures["device"] == "ecp5-85k"
    assert figures["clock_mhz"] == 50
    assert figures["samples_per_second"] == 50_000_000
    assert figures["latency_us"] == pytest.approx(design.spec.latency / 50, abs=1e-3)


def test_ports_have_no_more_bits_than_the_device_has_pins() -> None:
    """64 elements of 8 bits are 512 bits, the device has 365 pins; style=spatial keeps whole vectors."""
    graph = dense(64, 2)
    spec = build(graph, options()).spec
    assert spec.s_width + spec.m_width + 8 <= 365
    assert build(graph, options(style="spatial")).spec.s_width == 512


def test_memories_say_where_they_go() -> None:
    verilog = """module a(clk);
  reg [35:0] big [511:0];
  reg [7:0] small [3:0];
  reg [15:0] table [7:0];
  always @(posedge clk) begin
    big[1] <= 0;
    small[1] <= 0;
  end
endmodule
"""
    text = with_styles(verilog, FAMILIES["ecp5"])
    assert '(* ram_style = "block" *)\n  reg [35:0] big' in text
    assert '(* ram_style = "distributed" *)\n  reg [7:0] small' in text
    assert '(* rom_style = "logic" *)\n  reg [15:0] table' in text
    assert '(* ram_style = "logic" *)\n  reg [7:0] small' in with_styles(verilog, FAMILIES["ice40"])
