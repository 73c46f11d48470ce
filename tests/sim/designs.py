"""Small stream designs for testing the benches: right ones, and ones wrong in one known way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Elaboratable, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nc.hdl.verilog import to_verilog
from nc.ir.stream import IntArray, Probe, StreamSpec, TensorPort
from nc.sim.bench import write_bench


def stream_signature(s_width: int, m_width: int) -> dict[str, Any]:
    return {
        "s_tdata": In(s_width), "s_tvalid": In(1), "s_tready": Out(1), "s_tlast": In(1),
        "m_tdata": Out(m_width), "m_tvalid": Out(1), "m_tready": In(1), "m_tlast": Out(1),
    }  # fmt: skip


class PassThrough(wiring.Component):
    """Combinational, beat by beat; nothing is stored."""

    def __init__(self, width: int) -> None:
        super().__init__(stream_signature(width, width))

    def elaborate(self, platform: object) -> Module:
        m = Module()

        m.d.comb += [
            self.m_tdata.eq(self.s_tdata),
            self.m_tvalid.eq(self.s_tvalid),
            self.m_tlast.eq(self.s_tlast),
            self.s_tready.eq(self.m_tready),
        ]
        # a used clock, so that the module has one
        unused = Signal()
        m.d.sync += unused.eq(self.s_tvalid)
        return m


class Square(Elaboratable):
    """A layer of its own module: y[i] = x[i] + i + 1, registered while `enable`."""

    def __init__(self, size: int, bits: int, wrong_at: int | None) -> None:
        self.size, self.bits, self.wrong_at = size, bits, wrong_at
        self.enable = Signal()
        self.x = Signal(size * bits)
        self.y = Signal(size * (bits + 4))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        out = []
        for i in range(self.size):
            x = Signal(signed(self.bits), name=f"x_{i}")
            y = Signal(signed(self.bits + 4), name=f"y_{i}")
            m.d.comb += x.eq(self.x.word_select(i, self.bits))
            wrong = 1 if i == self.wrong_at else 0
            with m.If(self.enable):
                m.d.sync += y.eq(x + i + 1 + (wrong & (x == 3)))
            out.append(y)
        m.d.comb += self.y.eq(Cat(*out))
        return m


class AddTree(wiring.Component):
    """Two pipeline stages under one stall: a layer of additions, then a sum and a difference of its elements.

    `fault` names what is wrong: 'layer' (element 2 of the first layer is one too large when its input is 3),
    'tlast', 'unstable' (tdata changes while it waits), 'lossy' (back-pressure is ignored).
    """

    def __init__(self, size: int = 4, bits: int = 5, fault: str = "") -> None:
        self.size, self.bits, self.fault = size, bits, fault
        super().__init__(stream_signature(size * bits, 2 * (bits + 8)))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wrong_at = 2 if self.fault == "layer" else None
        m.submodules.layer0 = layer = Square(self.size, self.bits, wrong_at)
        valid0, valid1, last0, last1 = Signal(), Signal(), Signal(), Signal()
        move = Signal()
        held = Signal(8)
        wide = self.bits + 4
        parts = [layer.y.word_select(i, wide).as_signed() for i in range(self.size)]
        total, spread = Signal(signed(self.bits + 8)), Signal(signed(self.bits + 8))
        m.d.comb += [
            move.eq(self.m_tready | ~valid1 | (1 if self.fault == "lossy" else 0)),
            layer.x.eq(self.s_tdata),
            layer.enable.eq(move),
            self.s_tready.eq(move),
            self.m_tvalid.eq(valid1),
            self.m_tlast.eq(last1 if self.fault != "tlast" else 0),
            self.m_tdata.eq(Cat(total, spread) ^ (held if self.fault == "unstable" else 0)),
        ]
        m.d.sync += held.eq(held + 1)
        with m.If(valid1 & self.m_tready):
            m.d.sync += held.eq(0)
        with m.If(move):
            m.d.sync += [
                valid0.eq(self.s_tvalid), valid1.eq(valid0), last0.eq(self.s_tlast), last1.eq(last0),
                total.eq(sum(parts[1:], parts[0])), spread.eq(parts[-1] - parts[0]),
            ]  # fmt: skip
        return m


@dataclass(frozen=True)
class Case:
    """A design with everything that a bench needs."""

    make: Callable[[], Any]
    spec: StreamSpec
    inputs: list[IntArray]
    expected: list[IntArray]
    probes: dict[str, IntArray] = field(default_factory=dict)

    @property
    def module(self) -> Any:
        """A fresh one each time: Amaranth warns of a module that nobody elaborates."""
        return self.make()

    def write(self, build: Path) -> Path:
        """A build directory with hdl/ and tb/."""
        (build / "hdl").mkdir(parents=True, exist_ok=True)
        (build / "hdl" / "top.v").write_text(to_verilog(self.module))
        write_bench(build / "tb", self.spec, [build / "hdl" / "top.v"], self.inputs, self.expected, self.probes)
        return build


def pass_through(bits: int = 7, size: int = 5, width: int = 16, n: int = 40) -> Case:
    """Several beats a vector, with a padded last one."""
    port = TensorPort("x", (size,), bits, True)
    spec = StreamSpec((port,), (port,), width, width, latency=None, ii=None)
    x = np.random.default_rng(3).integers(-(1 << bits - 1), 1 << bits - 1, (n, size))
    return Case(lambda: PassThrough(width), spec, [x], [x])


def add_tree(fault: str = "", n: int = 100, size: int = 4, bits: int = 5) -> Case:
    x = np.random.default_rng(5).integers(-(1 << bits - 1), 1 << bits - 1, (n, size))
    layer = x + np.arange(1, size + 1)
    y = np.stack([layer.sum(1), layer[:, -1] - layer[:, 0]], axis=1)
    wide = bits + 8
    spec = StreamSpec(
        (TensorPort("x", (size,), bits, True),),
        (TensorPort("y", (2,), wide, True),),
        size * bits,
        2 * wide,
        latency=2,
        ii=1,
        probes=(Probe("fc0", "layer0.y", TensorPort("fc0", (size,), bits + 4, True)),),
    )
    return Case(lambda: AddTree(size, bits, fault), spec, [x], [y], {"fc0": layer})
