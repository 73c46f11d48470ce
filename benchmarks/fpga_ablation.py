"""What each optimisation of the FPGA target is worth: LUTs (register bits) with one switch off over those with all on.

    python benchmarks/fpga_ablation.py [--quick] [--synth] [--json] [--merge FILE]

LUTs of adders are those of their cells, counted exactly (`nc.hdl.word_adders`, `nc.hdl.word_heaps`); the rest by the
cost model of `nc.compiler.words.collapse`. With --synth, LUT sites of an UltraScale+ device as Yosys maps them stand
in rows of their own (all networks but the largest). With $NC_SHARED the networks of benchmarks/fpga_peers.py
come along; the others are random: one-bit weights and inputs, and sparse neurons of two bits (three inputs each).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sections
from fpga_peers import NETWORKS, emitted
from peers.network import load

from nc.backends.fpga.design import WIDEST_HEAP, build, collapse
from nc.backends.fpga.options import Optimise, Options
from nc.backends.synth.synthesise import synthesise
from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.hdl.word_heaps import plan
from nc.hdl.word_layout import WIDEST, adder_cells
from nc.ir.graph import Builder, Graph
from nc.ir.ops import OPS
from nc.ir.types import IntType, TensorType
from nc.ir.words import Kind, WordGraph

TOO_LARGE = ("digits_w6a6_p70", "digits_w6a6", "jsclike_w6a6_p70")
"""Minutes of synthesis each for every switch."""

SWITCHES = ["effort", *(name for name, field in Optimise.model_fields.items() if field.default is True)]


def op(name: str, *args: object, **kwargs: object) -> Any:
    return OPS[name](*args, **kwargs)


def binary(*, decide: bool = False) -> Graph:
    """64 bits in, 24 neurons of weights +-1 and one threshold each, 10 sums, or the largest one's index."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", TensorType((64,), IntType(0, 1)))
    x = b.add(op("matmul"), x, b.constant(rng.choice([-1, 1], (64, 24))))
    x = b.add(op("multi_threshold", rng.integers(-6, 6, (24, 1)), np.ones(24, np.int64), 0, 0, 1), x)
    x = b.add(op("matmul"), x, b.constant(rng.choice([-1, 1], (24, 10))))
    b.output("y", b.add(op("argmax", 0, False), x) if decide else x)
    return LowerPrimitive().run(b.finish())


def bits() -> Graph:
    """64 bits in, 24 sums of weights of four bits."""
    b = Builder()
    x = b.input("x", TensorType((64,), IntType(0, 1)))
    weights = b.constant(np.random.default_rng(0).integers(-8, 8, (64, 24)))
    b.output("y", b.add(op("matmul"), x, weights))
    return LowerPrimitive().run(b.finish())


def sparse() -> Graph:
    """24 words of two bits, two layers of 24 neurons that read three of them each, as LogicNets trains them."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", TensorType((24,), IntType(0, 3)))
    for _ in range(2):
        weights = np.zeros((24, 24), np.int64)
        for column in range(24):
            weights[rng.choice(24, 3, replace=False), column] = rng.integers(-15, 16, 3)
        x = b.add(op("matmul"), x, b.constant(weights))
        offset = rng.integers(-16, 32, 24)
        x = b.add(op("requantize", np.ones(24, np.int64), offset, 4, 0, 3, 0, "floor"), x)
    b.output("y", x)
    return LowerPrimitive().run(b.finish())


def pooled() -> Graph:
    """8 x 8 pixels of four bits, four kernels of 3 x 3, a pool of 2 x 2 before the requantisation, ten sums."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", TensorType((1, 8, 8), IntType(0, 15)))
    kernels = b.constant(rng.integers(-7, 8, (4, 1, 3, 3)))
    x = b.add(op("relu"), b.add(op("conv", (1, 1), (0, 0, 0, 0), (1, 1), 1), x, kernels))
    x = b.add(op("max_pool", (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), x)
    x = b.add(op("requantize", np.ones(1, np.int64), np.full(1, 8), 4, 0, 15, 0, "floor"), x)
    x = b.add(op("reshape", (36,)), x)
    b.output("y", b.add(op("matmul"), x, b.constant(rng.integers(-7, 8, (36, 10)))))
    return LowerPrimitive().run(b.finish())


def networks(quick: bool) -> Mapping[str, Callable[[], Graph]]:
    found: dict[str, Callable[[], Graph]] = {
        "random binary": binary,
        "random binary, arg-max": partial(binary, decide=True),
        "random weights, 1-bit inputs": bits,
        "random sparse": sparse,
        "random convolution, pooled": pooled,
    }
    if "NC_SHARED" in os.environ:
        folder = Path(os.environ["NC_SHARED"]) / "models" / "qonnx"
        for name, (low, high) in list(NETWORKS.items())[: 1 if quick else None]:
            found[name] = lambda name=name, low=low, high=high: load(folder / f"{name}.onnx", low, high).graph
    return found


def luts(words: WordGraph, technology: str) -> float:
    """Exact for adder cells, the cost model's for the rest."""
    model = collapse(Optimise.model_validate({"technology": technology}))
    widest = WIDEST_HEAP if technology == "lut6" else WIDEST
    cells = dict(adder_cells(words, widest))
    total = float(sum(plan(s).luts if technology == "lut6" else s.luts for s in cells.values()))
    alive = words.live()
    others = [v for v in np.flatnonzero(alive).tolist() if v not in cells and words.kind[v] != Kind.REG]
    return total + sum(model.luts(words, v) for v in others)


def mapped(graph: Graph, folder: Path, known: dict[str, int], **switches: object) -> int:
    """LUT sites after synthesis; `known` by the text that is synthesised, for switches that change nothing here."""
    _, files = emitted(build(graph, _options("xilinx", **switches)), "xcup", folder)
    text = "".join(path.read_text() for path in files)
    if text not in known:
        found = synthesise(files, "top", "xcup", out_dir=folder, hierarchy="flat", limit_s=1800)
        assert found.luts is not None
        known[text] = found.luts
    return known[text]


def synthesised(name: str, graph: Graph) -> dict[str, object]:
    """One row of LUT sites."""
    known: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="nc-ablation-") as scratch:
        base = mapped(graph, Path(scratch, "all"), known)
        row: dict[str, object] = {"net": name, "technology": "xcup, synthesised", "luts": base}
        for switch in SWITCHES:
            row[switch] = round(mapped(graph, Path(scratch, switch), known, **_off(switch)) / base, 3)
    row["minimise"] = "-"
    return row


def rows(quick: bool, synth: bool) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name, make in networks(quick).items():
        graph = make()
        if synth and name not in TOO_LARGE:
            found.append(synthesised(name, graph))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
        for technology in ("xilinx", "lut6"):
            base = luts(build(graph, _options(technology)).words, technology)
            row: dict[str, object] = {"net": name, "technology": technology, "luts": round(base)}
            for switch in SWITCHES:
                words = build(graph, _options(technology, **_off(switch))).words
                row[switch] = round(luts(words, technology) / base, 3)
            bits = [_registers(graph, technology, minimise) for minimise in (True, False)]
            row["minimise"] = round(bits[1] / max(1, bits[0]), 3)
            print(json.dumps(row), file=sys.stderr, flush=True)
            found.append(row)
    return found


def _off(switch: str) -> dict[str, object]:
    return {switch: 0 if switch == "effort" else False}


def _options(technology: str, **switches: object) -> Options:
    return Options.model_validate({"optimise": {"technology": technology, **switches}})


def _registers(graph: Graph, technology: str, minimise: bool) -> int:
    options = {"optimise": {"technology": technology}, "pipeline": {"stages": 4, "relax": 0.5, "minimise": minimise}}
    words = build(graph, Options.model_validate(options)).words
    return int(words.bits[words.kind == Kind.REG].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one trained network only")
    parser.add_argument("--synth", action="store_true", help="rows of synthesised LUTs too (some 15 minutes)")
    parser.add_argument("--json", action="store_true", help="one JSON object, and no table written")
    parser.add_argument("--merge", type=Path, nargs="*", default=[], help="JSON of earlier runs, whose rows come along")
    options = parser.parse_args()
    found = rows(options.quick, options.synth)
    done = {(row["net"], row["technology"]) for row in found}
    for path in options.merge:
        found += [r for r in json.loads(path.read_text())["rows"] if (r["net"], r["technology"]) not in done]
    order = list(networks(False))
    found.sort(key=lambda row: order.index(str(row["net"])))
    if options.json:
        print(json.dumps({"rows": found}))
        return
    columns = {"net": "network", "technology": "technology", "luts": "LUTs, all on"}
    columns |= {switch: f"`{switch}`" for switch in SWITCHES} | {"minimise": "`pipeline.minimise` (register bits)"}
    text = (
        "LUTs with one switch of `optimise` off (`--set optimise.NAME=false`, `effort=0`) over those with all on; the "
        "last column register bits of four stages. Adders counted exactly, the rest by the cost model; in rows "
        "'synthesised' LUT sites by Yosys (`python benchmarks/fpga_ablation.py --synth`). No switch changes an output: "
        "`tests/backends/fpga/test_switches.py`.\n\n"
    )
    sections.write("fpga_ablation", "FPGA: what each optimisation is worth", text + sections.table(found, columns))


if __name__ == "__main__":
    main()
