"""The threshold target: a binary network becomes a SIMD array of threshold-logic processing elements and its program.

The array's architecture follows TULIP (Wagle, Khatri, Vrudhula, ICCD 2020, arXiv 2104.01699), which is described in the
pending US patent application US20220121915A1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from amaranth.hdl import Elaboratable

from nc.backends.backend import Link
from nc.backends.threshold import golden
from nc.backends.threshold.ftl.cells import ftl_technology
from nc.backends.threshold.ftl.flow import ftl_flow, synthesise_files
from nc.backends.threshold.gantt import gantt_svg
from nc.backends.threshold.images import read_program, write_images
from nc.backends.threshold.layers import Placement, place_network
from nc.backends.threshold.mapping import map_graph, problems
from nc.backends.threshold.options import Options as ThresholdOptions
from nc.backends.threshold.report import Technology, layer_rows, layer_table, technology
from nc.hdl.threshold.array import ThresholdArray
from nc.hdl.threshold.config import ArrayConfig
from nc.hdl.threshold.pe import ProcessingElement
from nc.hdl.verilog import to_verilog
from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate
from nc.ir.stream import StreamSpec, TensorPort

if TYPE_CHECKING:
    from nc.backends.backend import SynthesisRequest

GANTT_CYCLES = 400
"""Cycles of a schedule that its picture shows."""

DEFAULT_DEVICE = "ecp5-85k"


@dataclass(frozen=True)
class Design:
    """`placement` is everything the hardware and the golden model need; the ports are the graph's."""

    placement: Placement
    input: TensorPort
    output: TensorPort
    technology: Technology

    def spec(self) -> StreamSpec:
        config = self.placement.config
        return StreamSpec(
            (self.input,),
            (self.output,),
            config.input.bits * config.input.lanes,
            config.output.width,
            latency=self.placement.latency,
            ii=self.placement.cycles,
        )


class ThresholdBackend:
    """Satisfies `nc.backends.backend.Backend`."""

    name = "threshold"
    summary = "binary networks on a SIMD array of threshold-logic elements, with certified schedules"
    stage = "integer"
    Options = ThresholdOptions
    engines = ("verilator", "icarus", "amaranth")
    on_boards = True

    def check(self, graph: Graph, options: ThresholdOptions) -> Sequence[Diagnostic]:
        return problems(graph, options.array.pes)

    def lower(self, graph: Graph, options: ThresholdOptions) -> Design:
        array = options.array
        network = map_graph(graph, array.pes)
        placement = place_network(network, array.pes, array.pe.shape(), options.schedule.effort, array.pe.cell)
        (source,), (target,) = graph.inputs.items(), graph.outputs.items()
        tech = technology(array.technology_file())
        return Design(placement, _port(graph, *source), _port(graph, *target), tech)

    def emit(self, design: Design, folder: Path) -> None:
        hdl = folder / "hdl"
        hdl.mkdir(parents=True, exist_ok=True)
        config = design.placement.config
        (hdl / "top.v").write_text(to_verilog(ThresholdArray(config, instances=True)))
        (hdl / "threshold_pe.v").write_text(pe_verilog(config))
        write_images(design.placement, hdl)
        write_schedules(design, folder / "schedule")

    def testbench(self, design: Design) -> StreamSpec | None:
        return design.spec()

    def module(self, design: Design) -> Elaboratable | None:
        return ThresholdArray(design.placement.config)

    def estimate(self, design: Design) -> Mapping[str, object]:
        """Cycles are exact (nothing depends on data); energy is by the technology file."""
        placement = design.placement
        rows, tech = layer_rows(placement, design.technology), design.technology
        return {
            "pes": placement.config.pes,
            "cycles": placement.cycles,
            "latency_cycles": placement.latency,
            "clock_ns": tech.clock_ns,
            "area_um2": tech.pe_area_um2 * placement.config.pes,
            "energy_nj": round(sum(float(str(row["energy_nj"])) for row in rows), 3),
            "technology": f"{tech.name}, {tech.mark} figures",
            "operations": sum(layer.layer.operations for layer in placement.layers),
            "program_words": len(placement.config.instructions),
            "weight_bits": len(placement.config.weights) * placement.config.pes * placement.config.shape.fresh,
            "image_bits": placement.config.image_words * placement.config.pes,
            "layers": rows,
        }

    def links(self, build: Path, graph: Graph, options: ThresholdOptions) -> Sequence[Link]:
        """Programs run cycle by cycle on random inputs against the integer graph, and every schedule's rules."""
        design = self.lower(graph, options)
        config = design.placement.config
        images = read_program(build / "hdl", config)
        same = images == (config.instructions, config.weights)
        ((name, value),) = graph.inputs.items()
        kind = graph.type(value).int
        steps = np.random.default_rng(1).integers(
            0, (kind.hi - kind.lo) // kind.step + 1, (64, *graph.type(value).shape)
        )
        inputs = kind.lo + kind.step * steps
        (expected,) = (evaluate(graph, {name: inputs})[label] for label in graph.outputs)
        got, _ = golden.run(design.placement, inputs)
        wrong = int((got.reshape(len(got), -1) != expected.reshape(len(got), -1)).any(axis=1).sum())
        detail = f"{len(got)} random inputs, {wrong} differ"
        legal = ", ".join(f"{p.schedule.cycles}/{p.schedule.bounds.full_adders}" for p in design.placement.layers)
        return [
            Link("memory images = programs and weights", "equal" if same else "different", "hdl/*.hex, array.json"),
            Link("PE programs obey the element's rules", "equal", f"cycles/lower bound by layer: {legal}"),
            Link("PE programs = integer graph", "different" if wrong else "equal", detail),
        ]

    def synthesise(
        self, build: Path, graph: Graph, options: ThresholdOptions, request: SynthesisRequest
    ) -> Mapping[str, object]:
        """The array on an FPGA (default: an ECP5), or in standard cells with `request.liberty`."""
        del graph, options
        from nc.backends.synth.board import synthesise_build

        files = sorted((build / "hdl").glob("*.v"))
        if request.cells == "ftl":  # the array's logic is its processing element; memories are macros
            tech = ftl_technology(request.liberty)
            return {**ftl_flow([build / "hdl" / "threshold_pe.v"], "threshold_pe", request.out_dir, tech).to_json()}
        return synthesise_build(files, request.device or DEFAULT_DEVICE, request)

    def synthesise_file(self, path: Path, request: SynthesisRequest) -> Mapping[str, object]:
        """`nc synth FILE --cells ftl [--liberty FILE.yaml]`: the option names a technology file in place of ours."""
        return self.synthesise_hdl([path], request)

    def synthesise_hdl(self, files: Sequence[Path], request: SynthesisRequest) -> Mapping[str, object]:
        """`nc synth BUILD --cells ftl` for the Verilog that another target emitted."""
        return synthesise_files(files, request.out_dir, request.liberty).to_json()


def write_schedules(design: Design, folder: Path) -> None:
    """`layers.md` (cycles, gaps, traffic, energy by layer) and a picture of each kind of node's schedule."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "layers.md").write_text(layer_table(design.placement, design.technology))
    for placed in design.placement.layers:
        found = placed.schedule
        picture = folder / f"node_{found.node.kind}_{found.node.fan_in}.svg"
        if not picture.exists():
            picture.write_text(gantt_svg(found, last=GANTT_CYCLES))


def pe_verilog(config: ArrayConfig) -> str:
    """The processing element as a module of its own."""
    element = ProcessingElement(config.shape, config.cell)
    ports = {
        "instruction": element.instruction.as_value(),
        "enable": element.enable,
        "fresh": element.fresh,
        "q": element.q,
    }
    return to_verilog(element, ports, "threshold_pe")


def _port(graph: Graph, name: str, value: int) -> TensorPort:
    kind = graph.type(value)
    return TensorPort(name, kind.shape, kind.int.bits, kind.int.signed)


BACKEND = ThresholdBackend()
