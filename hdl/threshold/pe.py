"""A processing element: N neurons, their local registers, held operands, and the operand crossbar."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Elaboratable, Module, Signal

from nc.hdl.threshold.instruction import heavy_sources, layout
from nc.hdl.threshold.neuron import Neuron
from nc.hdl.threshold.shape import PeShape


class ProcessingElement(Elaboratable):
    """Executes `instruction` (see `instruction.layout`) in every cycle with `enable`; without it nothing moves.

    `fresh` (B bits): this cycle's products and addend bits; `q` (N bits): the neurons' flip-flops.
    """

    def __init__(self, shape: PeShape, cell: str = "") -> None:
        self.shape = shape
        self.cell = cell
        self.instruction = Signal(layout(shape))
        self.enable = Signal()
        self.fresh = Signal(shape.fresh)
        self.q = Signal(shape.neurons)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self.shape
        # No reset: a program reads nothing that it has not written, whatever ran before it.
        registers = [Signal(shape.registers, name=f"registers{i}", reset_less=True) for i in range(shape.neurons)]
        held = Signal(3 * shape.neurons, reset_less=True)
        stored = Cat(*registers)
        ports = Signal(shape.reads)
        for p in range(shape.reads):
            m.d.comb += ports[p].eq(stored.bit_select(self.instruction.port[p], 1))
        sources = Signal(shape.sources)
        m.d.comb += sources.eq(Cat(Const(0, 1), self.fresh, self.q, held, ports))
        for i in range(shape.neurons):
            fields = self.instruction.neuron[i]
            neuron = Neuron(self.cell)
            m.submodules[f"neuron{i}"] = neuron
            picked = [sources.bit_select(fields[slot], 1) for slot in "abc"]
            picked.append(sources[: heavy_sources(shape)].bit_select(fields.d, 1))
            operands = Signal(4, name=f"operands{i}")
            m.d.comb += [
                operands.eq(Cat(*picked) ^ fields.invert),
                neuron.operands.eq(operands),
                neuron.threshold.eq(fields.threshold),
                neuron.enable.eq(self.enable),
                self.q[i].eq(neuron.q),
            ]
            write = self.instruction.write[i]
            with m.If(self.enable):
                m.d.sync += held[3 * i : 3 * i + 3].eq(operands[:3])
                for k in range(shape.registers):  # an indexed write is a case a bit: larger, slower to simulate
                    with m.If(write.enable & (write.register == k)):
                        m.d.sync += registers[i][k].eq(self.q[i])
        return m
