"""The neuron: a threshold gate with weights 1, 1, 1, 2, a programmable threshold, and a flip-flop at its output."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, Mux, Signal

from nc.hdl.threshold.shape import IDLE_THRESHOLD, WEIGHTS


class Neuron(Elaboratable):
    """q <= [a + b + c + 2d >= threshold] at the clock edge when `enable`; threshold 7 makes q 0.

    `cell`: name of a real standard cell that takes the place of the behavioural model; it is instantiated with the
    ports CLK, EN, A, B, C, D, T (3 bits) and Q.
    """

    def __init__(self, cell: str = "") -> None:
        self.cell = cell
        self.operands = Signal(len(WEIGHTS))
        self.threshold = Signal(3)
        self.enable = Signal()
        self.q = Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b, c, d = (self.operands[k] for k in range(4))
        if self.cell:
            m.submodules.cell = Instance(
                self.cell,
                i_CLK=ClockSignal(),
                i_EN=self.enable,
                i_A=a,
                i_B=b,
                i_C=c,
                i_D=d,
                i_T=self.threshold,
                o_Q=self.q,
            )
            return m
        q = Signal(reset_less=True)
        total = Signal(3)
        fires = Signal()
        m.d.comb += [
            total.eq(a + b + c + Mux(d, 2, 0)),
            fires.eq((total >= self.threshold) & (self.threshold != IDLE_THRESHOLD)),
        ]
        with m.If(self.enable):
            m.d.sync += q.eq(fires)
        m.d.comb += self.q.eq(q)
        return m
