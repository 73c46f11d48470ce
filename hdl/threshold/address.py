"""An affine address generator: nested loops of constant step, one step a cycle, with its next address ahead of time."""

from __future__ import annotations

from amaranth.hdl import Const, Elaboratable, Module, Mux, Signal
from amaranth.lib import data


def loop_layout(levels: int, width: int) -> data.ArrayLayout:
    """`last` (count - 1) and `step` of each loop, innermost first; steps are modulo 2^width."""
    return data.ArrayLayout(data.StructLayout({"last": width, "step": width}), levels)


class AddressGenerator(Elaboratable):
    """address = start + sum of index * step over the loops, advanced by `step` pulses in the order of nested loops.

    `load` sets the first address from `start`. `following` is the address of the next cycle (for memories that
    are read at the clock edge). `inner_end`: the innermost loop is at its last index; `ends`: a pulse now would end the
    first `group` loops.
    """

    def __init__(self, levels: int, width: int, group: int) -> None:
        self.levels = levels
        self.width = width
        self.group = group
        self.loops = Signal(loop_layout(levels, width))
        self.start = Signal(width)
        self.load = Signal()
        self.step = Signal()
        self.address = Signal(width)
        self.following = Signal(width)
        self.inner_end = Signal()
        self.ends = Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index = [Signal(self.width, name=f"index{k}") for k in range(self.levels)]
        base = [Signal(self.width, name=f"base{k}") for k in range(self.levels)]
        at_end = [Signal(name=f"at_end{k}") for k in range(self.levels)]
        for k in range(self.levels):
            m.d.comb += at_end[k].eq(index[k] == self.loops[k].last)
        target = Signal(self.width)
        m.d.comb += target.eq(self.start)
        below = Const(1, 1)
        for k in range(self.levels):
            moves = Signal(name=f"moves{k}")  # all loops inside are at their end, this one is not
            m.d.comb += moves.eq(below & ~at_end[k])
            with m.If(moves):
                m.d.comb += target.eq(base[k] + self.loops[k].step)
            passed = Signal(name=f"passed{k}")
            m.d.comb += passed.eq(below & at_end[k])
            with m.If(self.step):
                with m.If(moves):
                    m.d.sync += index[k].eq(index[k] + 1)
                with m.Elif(passed):
                    m.d.sync += index[k].eq(0)
                with m.If(moves | below):
                    m.d.sync += base[k].eq(target)
            if k == self.group - 1:
                m.d.comb += self.ends.eq(passed)
            below = passed
        m.d.comb += [
            self.address.eq(base[0]),
            self.following.eq(Mux(self.load, self.start, Mux(self.step, target, base[0]))),
            self.inner_end.eq(at_end[0]),
        ]
        with m.If(self.load):
            m.d.sync += [s.eq(0) for s in index] + [s.eq(self.start) for s in base]
        return m
