"""The neuromorphic target: a fixed-point spiking network becomes a time-multiplexed core between two streams."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable

from nc.backends.backend import Link, SynthesisRequest
from nc.backends.neuromorphic.exports import Writer, prepared
from nc.backends.neuromorphic.options import Options as Settings
from nc.backends.synth.board import synthesise_build
from nc.compiler.spiking.agreement import findings
from nc.compiler.spiking.convert import convert, repeat
from nc.compiler.spiking.mapping.mapper import Mapping2D, heat_map, map_network
from nc.compiler.spiking.mapping.partition import CoreLimits
from nc.compiler.spiking.quantise import quantise
from nc.hdl.spiking.mesh import SpikingMesh, mesh_frames
from nc.hdl.spiking.mesh_program import MeshProgram, spread
from nc.hdl.spiking.program import CoreProgram, build, network_synapses, synapses_of, unsupported
from nc.hdl.spiking.top import Frames, SpikingTop, frames_of, stream_spec
from nc.hdl.verilog import to_verilog
from nc.ir.diagnostics import Diagnostic, NcError
from nc.ir.graph import Graph
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import Network
from nc.ir.stream import StreamSpec


@dataclass(frozen=True)
class Design:
    """`network` is the truth; `program` the memories of one core, or of a mesh with its mapping; `ticks` a sequence.

    `exports`: third-party configurations by name.
    """

    network: FixedNetwork
    program: CoreProgram | MeshProgram
    ticks: int
    mapping: Mapping2D | None = None
    limits: CoreLimits = CoreLimits()
    exports: Mapping[str, Writer] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        return sum(p.size for p in self.network.inputs)

    @property
    def frames(self) -> Frames:
        if isinstance(self.program, MeshProgram):
            return mesh_frames(self.program)
        return frames_of(self.program, self.inputs)

    def top(self) -> Elaboratable:
        if isinstance(self.program, MeshProgram):
            return SpikingMesh(self.program)
        return SpikingTop(self.program, self.inputs)


DEFAULT_DEVICE = "ecp5-85k"


class NeuromorphicBackend:
    """Satisfies `nc.backends.backend.Backend`; takes spiking networks, float or fixed, in place of a tensor graph."""

    name = "neuromorphic"
    summary = "spiking networks on time-multiplexed neuron cores, exact to the integer model spike for spike"
    stage = "spiking"
    Options = Settings
    engines = ("verilator", "icarus", "amaranth")
    on_boards = True

    def check(self, graph: Any, options: Settings) -> Sequence[Diagnostic]:
        try:
            network = fixed(graph, options)
            return [*unsupported(network), *findings(network)]
        except NcError as error:
            return error.diagnostics

    def lower(self, graph: Any, options: Settings) -> Design:
        network = fixed(graph, options)
        s, mesh = options.spiking, options.mesh
        exports = prepared(network, s.export)
        if mesh.columns * mesh.rows == 1:
            return Design(network, build(network, form=s.memory), s.ticks, exports=exports)
        rates = {p.name: np.full(1, p.rate) for p in network.populations if p.rate is not None}
        mapping = map_network(network, mesh.limits(), rates=rates, mesh=(mesh.columns, mesh.rows))
        cells = [(int(x), int(y)) for x, y in mapping.at]
        program = spread(network, _by_population(network, mapping), cells, mapping.mesh)
        return Design(network, program, s.ticks, mapping, mesh.limits(), exports)

    def emit(self, design: Design, folder: Path) -> None:
        hdl = folder / "hdl"
        hdl.mkdir(parents=True, exist_ok=True)
        (hdl / "top.v").write_text(to_verilog(design.top()))
        for name, write in design.exports.items():
            configs = folder / "configs" / name
            configs.mkdir(parents=True, exist_ok=True)
            write(configs)
        if design.mapping is not None:
            reports = folder / "reports"
            reports.mkdir(exist_ok=True)
            (reports / "mesh.svg").write_text(heat_map(design.mapping))
            (reports / "mapping.json").write_text(json.dumps(_mapping_report(design), indent=2) + "\n")

    def testbench(self, design: Design) -> StreamSpec | None:
        return stream_spec(design.frames, design.ticks)

    def module(self, design: Design) -> Elaboratable | None:
        return design.top()

    def estimate(self, design: Design) -> Mapping[str, object]:
        """Memory bits are exact; cycles are bounds for a tick without and with every synapse active."""
        if isinstance(design.program, MeshProgram):
            return _mesh_estimate(design)
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
            "ii_cycles_most": design.ticks * busy,
        }

    def links(self, build: Path, graph: Any, options: Settings) -> Sequence[Link]:
        return [_memories(self.lower(graph, options))]

    def synthesise(self, build: Path, graph: Any, options: Settings, request: SynthesisRequest) -> Mapping[str, object]:
        return synthesise_build(sorted((build / "hdl").glob("*.v")), request.device or DEFAULT_DEVICE, request)


def _memories(design: Design) -> Link:
    """The core's synapse memory, read back word by word, is the network's synapse list."""
    name = "integer network ≡ synapse memories"
    if isinstance(design.program, MeshProgram):
        return Link(name, "skipped", "for a mesh, `nc simulate` compares every output of every tick")
    want, have = synapses_of(build(design.network, form="compressed")), synapses_of(design.program)
    flat = network_synapses(design.network)
    equal = np.array_equal(want, have) and np.array_equal(flat, have)
    return Link(name, "equal" if equal else "different", f"{len(have)} synapses with delay and shifted weight")


def fixed(graph: Any, options: Settings) -> FixedNetwork:
    """The integer network of whatever is given, watched as the options say."""
    if isinstance(graph, FixedNetwork):
        made = graph
    elif isinstance(graph, Network):
        made = quantise(graph, options.spiking.precision())
    else:
        made = _converted(graph, options)
    return made.watching_all() if options.spiking.observe == "all" and not made.watch else made


def _converted(graph: Graph, options: Settings) -> FixedNetwork:
    """An ordinary integer graph handed over directly: converted, its ranges taken from random inputs."""
    network = convert(graph)
    (port,) = (graph.type(v).int for v in graph.inputs.values())
    size = sum(p.size for p in network.inputs)
    drawn = np.random.default_rng(0).integers(port.lo, port.hi + 1, (32, size))
    precision = replace(options.spiking.precision(), input_bits=port.bits, input_signed=port.signed)
    return quantise(network, precision, repeat(drawn, options.spiking.ticks).astype(np.float64))


def _by_population(network: FixedNetwork, mapping: Mapping2D) -> dict[str, IntArray]:
    """The core of each neuron; the mapper numbers neurons in evaluation order."""
    start, found = 0, {}
    for p in (p for p in network.order if p.kind != "input"):
        found[p.name] = mapping.core[start : start + p.size]
        start += p.size
    return found


def _mesh_estimate(design: Design) -> Mapping[str, object]:
    program, mapping = design.program, design.mapping
    assert isinstance(program, MeshProgram) and mapping is not None
    bits = [sum(core.memory_bits().values()) for core in program.cores.values()]
    return {
        "neurons": sum(core.size for core in program.cores.values()),
        "synapses": design.network.synapses,
        "phases": program.phases,
        "memory_bits": sum(bits),
        "memory_bits_of_largest_core": max(bits),
        "mapping": _mapping_report(design),
    }


def _mapping_report(design: Design) -> dict[str, object]:
    """Cores, copies, hops and utilisation, and how full each core is."""
    assert design.mapping is not None
    return design.mapping.report(design.limits)


BACKEND = NeuromorphicBackend()
