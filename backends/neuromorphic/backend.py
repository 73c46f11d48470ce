"""The neuromorphic target: a fixed-point spiking network becomes a time-multiplexed core between two streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Elaboratable

from nc.backends.backend import Link
from nc.backends.neuromorphic.options import Options
from nc.compiler.spiking.quantise import quantise
from nc.hdl.spiking.program import CoreProgram, build, unsupported
from nc.hdl.spiking.top import SpikingTop
from nc.hdl.verilog import to_verilog
from nc.ir.diagnostics import Diagnostic, NcError
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import Network
from nc.ir.stream import StreamSpec


@dataclass(frozen=True)
class Design:
    """`network` is the truth; `program` its memories; `ticks` the length of a sequence."""

    network: FixedNetwork
    program: CoreProgram
    ticks: int

    def top(self) -> SpikingTop:
        return SpikingTop(self.program, sum(p.size for p in self.network.inputs))


class NeuromorphicBackend:
    """Satisfies `nc.backends.backend.Backend`; takes spiking networks, float or fixed, in place of a tensor graph."""

    name = "neuromorphic"
    summary = "spiking networks on time-multiplexed neuron cores, exact to the integer model spike for spike"
    stage = "spiking"
    Options = Options
    engines = ("verilator", "icarus", "amaranth")

    def check(self, graph: Any, options: Options) -> Sequence[Diagnostic]:
        try:
            return unsupported(fixed(graph, options))
        except NcError as error:
            return error.diagnostics

    def lower(self, graph: Any, options: Options) -> Design:
        network = fixed(graph, options)
        s = options.spiking
        return Design(network, build(network, observe=s.observe, form=s.memory), s.ticks)

    def emit(self, design: Design, folder: Path) -> None:
        hdl = folder / "hdl"
        hdl.mkdir(parents=True, exist_ok=True)
        (hdl / "top.v").write_text(to_verilog(design.top()))

    def testbench(self, design: Design) -> StreamSpec | None:
        return design.top().spec(design.ticks)

    def module(self, design: Design) -> Elaboratable | None:
        return design.top()

    def estimate(self, design: Design) -> Mapping[str, object]:
        """Memory bits are exact; cycles are bounds for a tick without and with every synapse active."""
        program = design.program
        idle = 5 * program.size + design.top().frames.s_beats
        busy = idle + len(program.words) + 4 * len(program.segments.start) + 4 * program.axons
        return {
            "neurons": program.size,
            "synapses": design.network.synapses,
            "synapse_words": len(program.words),
            "memory": "compressed" if program.compressed else "dense",
            "memory_bits": program.memory_bits(),
            "sum_bits": program.sum_bits,
            "tick_cycles_idle": idle,
            "tick_cycles_all_active": busy,
        }

    def links(self, build: Path, graph: Any, options: Options) -> Sequence[Link]:
        return ()

    def synthesise(self, build: Path, graph: Any, options: Options, request: Any) -> Mapping[str, object]:
        raise NotImplementedError


def fixed(graph: Any, options: Options) -> FixedNetwork:
    """The integer network of whatever is given."""
    if isinstance(graph, FixedNetwork):
        return graph
    if isinstance(graph, Network):
        return quantise(graph, options.spiking.precision())
    raise NotImplementedError


BACKEND = NeuromorphicBackend()
