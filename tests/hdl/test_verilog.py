"""Amaranth to Verilog: readable names, the same bytes every time, nothing of the machine in the text."""

from __future__ import annotations

import re

from amaranth.hdl import Const, Elaboratable, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nc.hdl.verilog import to_verilog


class Stage(Elaboratable):
    def __init__(self) -> None:
        self.a = Signal(signed(8))
        self.y = Signal(signed(9))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first, second = Signal(4, name="x"), Signal(4, name="x")
        m.d.comb += [first.eq(self.a[:4] + 1), second.eq(first + 3)]
        with m.Switch(second):
            for value in range(16):
                with m.Case(value):
                    m.d.sync += self.y.eq(Const(value * 7 - 50, signed(9)))
        return m


class Top(wiring.Component):
    def __init__(self) -> None:
        super().__init__({"a": In(signed(8)), "y": Out(signed(9))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.stage = stage = Stage()
        m.d.comb += [stage.a.eq(self.a), self.y.eq(stage.y)]
        return m


def test_text_is_plain_and_reproducible() -> None:
    text = to_verilog(Top())
    assert text == to_verilog(Top())
    assert "module top(a, clk, rst, y);" in text
    assert "  top_stage stage (" in text and "module top_stage(" in text
    assert "reg signed [8:0] y = 9'h000;" in text
    assert re.search(r"wire \[3:0\] x_\d+;", text), "the second signal of one name keeps a readable name"
    assert "casez" in text, "a table stays a case statement"
    assert "\\" not in text and "$auto" not in text and "/" not in text.split("\n", 2)[2]
    assert "Yosys" not in text


def test_ports_by_name_and_by_list() -> None:
    stage = Stage()
    by_list = to_verilog(stage, [stage.a, stage.y], name="unit")
    assert "module unit(a, clk, rst, y);" in by_list
    stage = Stage()
    assert "module unit(data, clk, rst, q);" in to_verilog(stage, {"data": stage.a, "q": stage.y}, name="unit")


def test_a_signal_named_as_ours_is_not_captured() -> None:
    class Clash(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"at_start": In(1), "y": Out(1)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            with m.If(self.at_start):
                m.d.comb += self.y.eq(1)
            return m

    text = to_verilog(Clash())
    assert "input at_start;" in text and "reg at_start_of_simulation = 0;" in text
