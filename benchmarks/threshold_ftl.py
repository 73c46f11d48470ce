"""FTL embedding of sequential circuits that nc emits, against the CMOS mapping of the same circuit.

    python benchmarks/threshold_ftl.py [--quick] [--json]

Every result is proved equivalent (ABC `cec` of next states and outputs). Figures by the FTL technology file (ratios
published, absolute CMOS figures ours). Without --json the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sections
from amaranth.hdl import Elaboratable, Module, Signal

import nc.compiler
from nc.backends.threshold.ftl.cells import ftl_technology
from nc.backends.threshold.ftl.flow import synthesise_files, yield_at
from nc.hdl.threshold.address import AddressGenerator
from nc.hdl.threshold.pe import ProcessingElement
from nc.hdl.threshold.shape import PeShape
from nc.hdl.verilog import to_verilog
from nc.ir.graph import Builder
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.types import BIPOLAR, IntType, TensorType


def compiled(*sizes: int) -> Callable[[Path], list[Path]]:
    """A multilayer perceptron with 2-bit weights as `nc compile --target fpga` emits it, pipelined, stream ports."""

    def make(folder: Path) -> list[Path]:
        rng = np.random.default_rng(sum(sizes))
        build = Builder("perceptron")
        x = build.input("x", TensorType((sizes[0],), IntType(0, 3)))
        for size in sizes[1:]:
            x = build.add(MatMul(), x, build.constant(rng.integers(-1, 2, (build.type(x).size, size))))
            x = build.add(MultiThreshold(np.array([[0, 2, 4]]), np.ones(1, np.int64), 0), x)
        build.output("y", x)
        nc.compiler.compile(build.finish(), target="fpga", output=folder / "build", set=["pipeline.every=2"])
        return sorted((folder / "build" / "hdl").glob("*.v"))

    return make


def whole_array(folder: Path) -> list[Path]:
    """A threshold array of four elements with its controller, address generators and memories (as registers)."""
    rng = np.random.default_rng(1)
    build = Builder("array")
    x = build.input("x", TensorType((4,), BIPOLAR))
    x = build.add(MatMul(), x, build.constant(rng.integers(0, 2, (4, 4)) * 2 - 1))
    x = build.add(MultiThreshold(np.array([[0]]), np.ones(1, np.int64), 0, -1, 2), x)
    build.output("y", build.add(MatMul(), x, build.constant(rng.integers(0, 2, (4, 2)) * 2 - 1)))
    set = ("array.pes=4", "array.pe.neurons=2", "array.pe.registers=4", "array.pe.reads=3")
    nc.compiler.compile(build.finish(), target="threshold", output=folder / "build", set=set)
    hdl = folder / "build" / "hdl"
    return sorted(hdl.glob("*.v"))


class PipelinedPerceptron(Elaboratable):
    """Binary layers as registered popcount comparisons: one pipeline stage a layer."""

    def __init__(self, sizes: tuple[int, ...], seed: int):
        self.sizes, self.seed = sizes, seed
        self.x = Signal(sizes[0])
        self.y = Signal(sizes[-1])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rng = np.random.default_rng(self.seed)
        held = Signal(self.sizes[0])
        m.d.sync += held.eq(self.x)
        for k, size in enumerate(self.sizes[1:]):
            made = Signal(size, name=f"layer{k}")
            for j in range(size):
                used = np.sort(rng.choice(len(held), min(5, len(held)), replace=False))
                terms = [held[int(i)] ^ int(rng.integers(0, 2)) for i in used]
                m.d.sync += made[j].eq(sum(terms[1:], terms[0]) >= int(rng.integers(2, len(terms))))
            held = made
        m.d.comb += self.y.eq(held)
        return m


def written(folder: Path, design: Elaboratable, ports: dict[str, object]) -> list[Path]:
    (folder / "circuit.v").write_text(to_verilog(design, ports, "top"))
    return [folder / "circuit.v"]


def perceptron(*sizes: int) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        design = PipelinedPerceptron(sizes, seed=sum(sizes))
        return written(folder, design, {"x": design.x, "y": design.y})

    return make


def generator(levels: int, width: int) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        a = AddressGenerator(levels, width, 1)
        names = ("start", "load", "step", "address", "following", "inner_end", "ends")
        return written(folder, a, {"loops": a.loops.as_value(), **{name: getattr(a, name) for name in names}})

    return make


def element(neurons: int) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        e = ProcessingElement(PeShape(neurons=neurons, registers=8))
        ports = {"instruction": e.instruction.as_value(), "enable": e.enable, "fresh": e.fresh, "q": e.q}
        return written(folder, e, ports)

    return make


CIRCUITS = {
    "pipelined_mlp_16_12_8": perceptron(16, 12, 8),
    "pipelined_mlp_32_32_16_10": perceptron(32, 32, 16, 10),
    "pipelined_mlp_64_48_32_10": perceptron(64, 48, 32, 10),
    "address_generator_4x8": generator(4, 8),
    "address_generator_10x10": generator(10, 10),
    "processing_element_2": element(2),
    "processing_element_4": element(4),
    "compiled_mlp_8_6_4": compiled(8, 6, 4),
    "compiled_mlp_16_10_4": compiled(16, 10, 4),
    "threshold_array_4": whole_array,
}

SIGMAS = (5.0, 10.0, 15.0, 20.0)
"""Noise (mV) at which the yield of the same cells is given: the technology's own figure is an assumption."""


def measure(name: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        sources = CIRCUITS[name](Path(folder))
        begin = time.perf_counter()
        result = synthesise_files(sources, Path(folder) / "out")
    row: dict[str, object] = {"circuit": name, **result.to_json(), "seconds": round(time.perf_counter() - begin, 1)}
    for sigma in SIGMAS:
        row[f"yield_at_{sigma:g}_mv"] = round(yield_at(result.embedded, ftl_technology(), sigma), 4)
    for what in ("area", "power", "delay"):
        before, after = getattr(result.cmos, what), getattr(result.ftl, what)
        row[f"{what}_change_percent"] = round(100 * (after / before - 1), 1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two small circuits")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args()
    rows = [measure(name) for name in (list(CIRCUITS)[:2] if given.quick else CIRCUITS)]
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    columns = {
        "circuit": "circuit", "ftl_cells": "FTL cells", "ffs": "flip-flops left", "cells": "cells in all",
        "cmos_area_um2": "CMOS um2", "area_um2": "FTL um2", "area_change_percent": "area %",
        "power_change_percent": "power %", "delay_change_percent": "delay %", "yield": "yield (Monte Carlo)",
        "yield_bound": "yield >=", **{f"yield_at_{s:g}_mv": f">= at {s:g} mV" for s in SIGMAS},
        "margin_mv": "least margin mV", "equivalent": "proved",
    }  # fmt: skip
    text = (
        "Flip-flops and the logic in front of them as FTL cells of at most five inputs; the rest mapped by ABC for "
        "area, in both, and ours for the clock of the CMOS circuit where area alone misses it. The noise of 10 mV (one "
        "sigma) on every threshold voltage of a window of 500 mV is our assumption: yields of the same cells at other "
        "noise stand beside it, as lower bounds (a cell counts as failed at its worst minterm).\n\n"
        + sections.table(rows, columns)
    )
    sections.write("threshold_ftl", "FTL cells", text)
    print(text)


if __name__ == "__main__":
    main()
