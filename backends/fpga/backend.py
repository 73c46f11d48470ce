"""The FPGA target: an integer network laid out in space, II = 1, between AXI4-Streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from amaranth.hdl import Elaboratable

from nc.backends.backend import Link, SynthesisRequest
from nc.backends.fpga.design import Design, build
from nc.backends.fpga.estimate import estimate
from nc.backends.fpga.options import Options
from nc.backends.fpga.proofs import links
from nc.backends.synth.devices import find_device
from nc.backends.synth.synthesise import DEFAULT_LIMIT_S, synthesise
from nc.compiler.words.lower import unsupported
from nc.hdl.word_files import design_files
from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph
from nc.ir.stream import StreamSpec

DEFAULT_DEVICE = {"ice40": "ice40-hx8k", "ecp5": "ecp5-85k", "xilinx": "xcup", "generic": "ecp5-85k"}


class FpgaBackend:
    """Satisfies `nc.backends.backend.Backend`."""

    name = "fpga"
    summary = "unrolled networks as shift-adds and tables, one vector a clock, on any FPGA"
    stage = "primitive"
    Options = Options
    engines = ("verilator", "icarus", "amaranth")

    def check(self, graph: Graph, options: Options) -> Sequence[Diagnostic]:
        return unsupported(graph)

    def lower(self, graph: Graph, options: Options) -> Design:
        return build(graph, options)

    def emit(self, design: Design, folder: Path) -> None:
        top = design.top(inline=False)
        for name, text in design_files(top, top.core, top.ports).items():
            path = folder / "hdl" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def testbench(self, design: Design) -> StreamSpec | None:
        return design.spec

    def module(self, design: Design) -> Elaboratable | None:
        return design.top(inline=True)

    def estimate(self, design: Design) -> Mapping[str, object]:
        return estimate(design)

    def links(self, build: Path, graph: Graph, options: Options) -> Sequence[Link]:
        return links(build, graph, options)

    def synthesise(
        self, build: Path, graph: Graph, options: Options, request: SynthesisRequest
    ) -> Mapping[str, object]:
        device = request.device or DEFAULT_DEVICE[options.optimise.technology]
        result = synthesise(
            sources(build / "hdl", device if request.liberty is None else ""),
            "top",
            device,
            pnr=request.pnr,
            out_dir=request.out_dir,
            liberty=request.liberty,
            seed=request.seed,
            limit_s=request.limit_s or DEFAULT_LIMIT_S,
        )
        return result.to_json()


def sources(hdl: Path, device: str) -> list[Path]:
    """The Verilog files for a device: its own cells where the build has them, behavioural ones otherwise."""
    mapped = hdl / "xilinx" / "cells.il"
    if device and find_device(device).flow == "xilinx" and mapped.exists():
        return [hdl / "top.v", mapped]
    return sorted(hdl.glob("*.v"))


BACKEND = FpgaBackend()
