"""The FPGA target: an integer network between AXI4-Streams, laid out in space (II = 1) or as folded engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from amaranth.hdl import Elaboratable

from nc.backends.backend import Link, SynthesisRequest
from nc.backends.fpga import streaming
from nc.backends.fpga.aims import asked_mhz, device_of, style, too_large
from nc.backends.fpga.design import Design, build
from nc.backends.fpga.estimate import estimate
from nc.backends.fpga.options import Options as FpgaOptions
from nc.backends.fpga.outgrown import outgrown
from nc.backends.fpga.proofs import links
from nc.backends.fpga.streaming import StreamingDesign
from nc.backends.synth.board import synthesise_build
from nc.backends.synth.boards import find_board
from nc.backends.synth.devices import find_device
from nc.backends.synth.yosys import quoted, run_yosys
from nc.compiler.passes.calibrated_ranges import CalibratedRanges
from nc.compiler.streaming.lower import unsupported as streams_not
from nc.compiler.words.lower import unsupported
from nc.hdl.word_files import design_files
from nc.ir.diagnostics import Diagnostic, NcError, fail
from nc.ir.graph import Graph
from nc.ir.loops import open_loops
from nc.ir.ops.base import Array
from nc.ir.stream import StreamSpec

GOAL = {"lut6": "balanced"}
"""Where there are no carry chains LUTs can be bought with depth, and the fewest of them make the slowest sums."""


class FpgaBackend:
    """Satisfies `nc.backends.backend.Backend`."""

    name = "fpga"
    summary = "networks as shift-adds and tables, one vector a clock, or streaming through folded engines, on any FPGA"
    stage = "primitive"
    Options = FpgaOptions
    engines = ("verilator", "icarus", "amaranth")
    on_boards = True

    def stage_for(self, graph: Graph, options: FpgaOptions) -> str:
        """Streaming layers are those of the model; spatial ones are taken apart."""
        return "integer" if style(graph, options) == "streaming" else "primitive"

    def approximate(
        self, graph: Graph, options: FpgaOptions, data: Mapping[str, Array] | None, labels: Array | None = None
    ) -> Graph:
        """The integer graph with words as narrow as samples ask for, where wanted: from then on it is the truth."""
        if not options.optimise.calibrated_ranges:
            return graph
        if data is None:
            fail(
                "NC617", "optimise.calibrated_ranges must have calibration data", help="give samples with --calib DATA"
            )
        if style(graph, options) == "streaming":
            fail("NC617", "optimise.calibrated_ranges must be used with style=spatial, not streaming",
                 help="--set style=spatial, or leave the ranges as they are")  # fmt: skip
        return CalibratedRanges(data).run(graph)

    def check(self, graph: Graph, options: FpgaOptions) -> Sequence[Diagnostic]:
        if style(graph, options) == "streaming":
            return streams_not(graph)
        return [*unsupported(open_loops(graph)[0]), *too_large(graph, options)]

    def lower(self, graph: Graph, options: FpgaOptions) -> Design | StreamingDesign:
        if style(graph, options) == "streaming":
            return streaming.build(graph, options)
        return build(graph, options)

    def emit(self, design: Design | StreamingDesign, folder: Path) -> None:
        if isinstance(design, StreamingDesign):
            streaming.emit(design, folder)
            return
        top = design.top(inline=False)
        for name, text in design_files(top, top.core, top.ports).items():
            path = folder / "hdl" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def testbench(self, design: Design | StreamingDesign) -> StreamSpec | None:
        return design.spec

    def module(self, design: Design | StreamingDesign) -> Elaboratable | None:
        return design.top if isinstance(design, StreamingDesign) else design.top(inline=True)

    def estimate(self, design: Design | StreamingDesign) -> Mapping[str, object]:
        return streaming.estimate(design) if isinstance(design, StreamingDesign) else estimate(design)

    def links(self, build: Path, graph: Graph, options: FpgaOptions) -> Sequence[Link]:
        if style(graph, options) == "streaming":
            return streaming.links(graph, options)
        return links(build, graph, options)

    def synthesise(
        self, build: Path, graph: Graph, options: FpgaOptions, request: SynthesisRequest
    ) -> Mapping[str, object]:
        device = request.device or device_of(options).name
        if request.board is not None:
            device = find_board(request.board).device.name
        files = sources(build / "hdl", device if request.liberty is None else "", request.out_dir)
        try:
            result = synthesise_build(files, device, request, GOAL.get(device, "area"))
        except NcError as error:
            if style(graph, options) != "streaming" or not any(d.code == "NC523" for d in error.diagnostics):
                raise
            raise outgrown(error, streaming.build(graph, options), request.out_dir) from error
        return {**result, "clock_mhz": result.get("clock_mhz") or asked_mhz(options)}


def sources(hdl: Path, device: str, out_dir: Path) -> list[Path]:
    """The design files for a device: adder cells as its family wants them, behavioural ones otherwise."""
    flow = find_device(device).flow if device else ""
    mapped, cells, heaps = hdl / "xilinx" / "cells.il", hdl / "cells.v", hdl / "lut6" / "cells.v"
    if flow == "xilinx" and mapped.exists():
        return [hdl / "top.v", mapped]
    if device == "lut6" and heaps.exists():
        return [hdl / "top.v", heaps, heaps.with_name("primitives.v")]
    if flow in ("ice40", "ecp5") and cells.exists():
        # Each cell becomes carry logic by itself, before Yosys sees it next to others.
        script = [
            f"read_verilog -sv {quoted(cells.resolve())}",
            "proc",
            "opt_clean",
            "alumacc",
            "opt_clean",
            "write_rtlil cells.il",
        ]
        run_yosys(script, out_dir, "cells")
        return [hdl / "top.v", out_dir / "cells.il"]
    return sorted(hdl.glob("*.v"))


BACKEND = FpgaBackend()
