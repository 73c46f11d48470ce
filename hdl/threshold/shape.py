"""The shape of a processing element: how many neurons, registers, ports and fresh products; and its operand numbering.

A schedule is legal only for the shape it names. Operand sources of a neuron are numbered densely, so that the
simulator, the golden model and the hardware read the same integers:

    0                      constant 0
    1 .. B                 fresh products (and streamed addend bits) of this cycle
    then N                 Q: the neurons' output flip-flops (the value evaluated in the cycle before)
    then 3N                H: the weight-1 operands that each neuron used in the cycle before
    then P                 the register read ports
"""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.diagnostics import Collector

WEIGHTS = (1, 1, 1, 2)
"""Operand weights of the neuron cell, in the order of the operand slots a, b, c, d."""

IDLE_THRESHOLD = 7
"""A threshold above the sum of the weights: the neuron outputs 0."""


@dataclass(frozen=True)
class PeShape:
    """`neurons` N; `registers` bits local to each neuron; `reads` P register read ports of the whole PE;
    `fresh` B products a cycle. Every neuron may read any source (a full crossbar) and writes only its own
    registers, one bit a cycle, from its output flip-flop."""

    neurons: int = 4
    registers: int = 16
    reads: int = 6
    fresh: int = 3

    def __post_init__(self) -> None:
        found = Collector()
        for name, low, high in (("neurons", 2, 16), ("registers", 2, 256), ("reads", 3, 48), ("fresh", 3, 6)):
            value = getattr(self, name)
            if not low <= value <= high:
                found.error("NC701", f"'{name}' of the processing element must be {low} to {high}, not {value}")
        found.raise_if_any()

    def fresh_source(self, lane: int) -> int:
        return 1 + lane

    def q_source(self, neuron: int) -> int:
        return 1 + self.fresh + neuron

    def held_source(self, neuron: int, slot: int) -> int:
        return 1 + self.fresh + self.neurons + 3 * neuron + slot

    def port_source(self, port: int) -> int:
        return 1 + self.fresh + 4 * self.neurons + port

    @property
    def sources(self) -> int:
        """Number of operand sources."""
        return 1 + self.fresh + 4 * self.neurons + self.reads

    @property
    def storage(self) -> int:
        """Register bits of the whole PE."""
        return self.neurons * self.registers

    def source_name(self, source: int) -> str:
        """Readable name of an operand source, as in program listings.

        >>> PeShape().source_name(PeShape().held_source(2, 1))
        'h2b'
        """
        if source == 0:
            return "0"
        if source < self.q_source(0):
            return f"f{source - 1}"
        if source < self.held_source(0, 0):
            return f"q{source - self.q_source(0)}"
        if source < self.port_source(0):
            neuron, slot = divmod(source - self.held_source(0, 0), 3)
            return f"h{neuron}{'abc'[slot]}"
        return f"r{source - self.port_source(0)}"
