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

from nc.backends.threshold.ftl.flow import ftl_flow
from nc.hdl.threshold.address import AddressGenerator
from nc.hdl.threshold.pe import ProcessingElement
from nc.hdl.threshold.shape import PeShape
from nc.hdl.verilog import to_verilog


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


def perceptron(*sizes: int) -> Callable[[], tuple[Elaboratable, dict[str, object]]]:
    def make() -> tuple[Elaboratable, dict[str, object]]:
        design = PipelinedPerceptron(sizes, seed=sum(sizes))
        return design, {"x": design.x, "y": design.y}

    return make


def generator(levels: int, width: int) -> Callable[[], tuple[Elaboratable, dict[str, object]]]:
    def make() -> tuple[Elaboratable, dict[str, object]]:
        a = AddressGenerator(levels, width, 1)
        names = ("start", "load", "step", "address", "following", "inner_end", "ends")
        return a, {"loops": a.loops.as_value(), **{name: getattr(a, name) for name in names}}

    return make


def element(neurons: int) -> Callable[[], tuple[Elaboratable, dict[str, object]]]:
    def make() -> tuple[Elaboratable, dict[str, object]]:
        e = ProcessingElement(PeShape(neurons=neurons, registers=8))
        return e, {"instruction": e.instruction.as_value(), "enable": e.enable, "fresh": e.fresh, "q": e.q}

    return make


CIRCUITS = {
    "pipelined_mlp_16_12_8": perceptron(16, 12, 8),
    "pipelined_mlp_32_32_16_10": perceptron(32, 32, 16, 10),
    "pipelined_mlp_64_48_32_10": perceptron(64, 48, 32, 10),
    "address_generator_4x8": generator(4, 8),
    "address_generator_10x10": generator(10, 10),
    "processing_element_2": element(2),
    "processing_element_4": element(4),
}


def measure(name: str) -> dict[str, object]:
    design, ports = CIRCUITS[name]()
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{name}.v"
        source.write_text(to_verilog(design, ports, name))
        result = ftl_flow([source], name, Path(folder) / "out")
    row: dict[str, object] = {"circuit": name, **result.to_json(), "seconds": round(time.perf_counter() - begin, 1)}
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
        "power_change_percent": "power %", "delay_change_percent": "delay %", "yield": "yield",
        "margin_mv": "least margin mV", "equivalent": "proved",
    }  # fmt: skip
    text = (
        "Flip-flops and the logic in front of them as FTL cells of at most five inputs; the rest mapped by ABC for "
        "area, in both. Noise of 10 mV (one sigma) on every threshold voltage, window 500 mV.\n\n"
        + sections.table(rows, columns)
    )
    sections.write("threshold_ftl", "FTL cells", text)
    print(text)


if __name__ == "__main__":
    main()
