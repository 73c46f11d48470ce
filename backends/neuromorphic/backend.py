"""The neuromorphic target: a fixed-point spiking network becomes a time-multiplexed core between two streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Elaboratable

from nc.backends.backend import Link
from nc.backends.neuromorphic.options import Options as Settings
from nc.compiler.spiking.quantise import quantise
from nc.hdl.spiking.program import CoreProgram, build, unsupported
from nc.hdl.spiking.top import Frames, SpikingTop, frames_of, stream_spec
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

    @property
    def inputs(self) -> int:
        return sum(p.size for p in self.network.inputs)

    @property
    def frames(self) -> Frames:
        return frames_of(self.program, self.inputs)


class NeuromorphicBackend:
    """Satisfies `nc.backends.backend.Backend`; takes spiking networks, float or fixed, in place of a tensor graph."""

    name = "neuromorphic"
    summary = "spiking networks on time-multiplexed neuron cores, exact to the integer model spike for spike"
    stage = "spiking"
    Options = Settings
    engines = ("verilator", "icarus", "amaranth")

    def check(self, graph: Any, options: Settings) -> Sequence[Diagnostic]:
        try:
            return unsupported(fixed(graph, options))
        except NcError as error:
            return error.diagnostics

    def lower(self, graph: Any, options: Settings) -> Design:
        network = fixed(graph, options)
        s = options.spiking
        return Design(network, build(network, observe=s.observe, form=s.memory), s.ticks)

    def emit(self, design: Design, folder: Path) -> None:
        hdl = folder / "hdl"
        hdl.mkdir(parents=True, exist_ok=True)
        (hdl / "top.v").write_text(to_verilog(SpikingTop(design.program, design.inputs)))

    def testbench(self, design: Design) -> StreamSpec | None:
        return stream_spec(design.frames, design.ticks)

    def module(self, design: Design) -> Elaboratable | None:
        return SpikingTop(design.program, design.inputs)

    def estimate(self, design: Design) -> Mapping[str, object]:
        """Memory bits are exact; cycles are bounds for a tick without and with every synapse active."""
        program = design.program
        idle = 5 * program.size + design.frames.s_beats
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

    def links(self, build: Path, graph: Any, options: Settings) -> Sequence[Link]:
        return ()

    def synthesise(self, build: Path, graph: Any, options: Settings, request: Any) -> Mapping[str, object]:
        raise NotImplementedError


def fixed(graph: Any, options: Settings) -> FixedNetwork:
    """The integer network of whatever is given."""
    if isinstance(graph, FixedNetwork):
        return graph
    if isinstance(graph, Network):
        return quantise(graph, options.spiking.precision())
    raise NotImplementedError


BACKEND = NeuromorphicBackend()
