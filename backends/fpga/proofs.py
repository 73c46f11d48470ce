"""The FPGA target's own equivalences: integer graph to word graph to registers to mapped cells."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nc.backends.backend import Link
from nc.backends.fpga.design import HEAPS, TERNARY, WIDEST_HEAP, Design
from nc.backends.fpga.design import build as build_design
from nc.backends.fpga.mapped import MODELS, compare, gates
from nc.backends.fpga.options import Options
from nc.backends.synth.devices import find_device
from nc.backends.synth.equivalence import prove_equivalent
from nc.backends.synth.yosys import run_yosys
from nc.hdl.verilog import to_verilog
from nc.hdl.word_adders import Adder, AdderShape
from nc.hdl.word_files import MAPPED
from nc.hdl.word_layout import WIDEST, adder_cells
from nc.ir.diagnostics import NcError
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate as interpret
from nc.ir.interpret import steps
from nc.ir.loops import open_loops
from nc.ir.stream import IntArray
from nc.ir.types import IntType
from nc.ir.words import Kind, evaluate, verify

VECTORS = 2000
NETLIST_VECTORS = 256
SEQUENCE = 16
"""Vectors from reset on, where a network has memory."""
PRIMITIVES = {"xilinx": "LUT6_2 and CARRY8", "lut6": "LUT1 to LUT6"}
PROVED_CELLS = 20_000
PROOF_S = 60.0
"""Netlists of so many gates are also proved equal to the Verilog that they were made from, if it takes no longer."""

CELLS = 400
"""Adder shapes proved at most in one `nc verify`; the shapes of a design are proved in order of name."""


def links(build: Path, graph: Graph, options: Options) -> Sequence[Link]:
    design = build_design(graph, options)
    return [_words(graph, design), _registers(design), _cells(design), _netlist(build, graph, design)]


def _words(graph: Graph, design: Design) -> Link:
    """Random and extreme vectors through both, states among them; every node's range is checked on the way."""
    name = "primitive graph ≡ word graph"
    graph, _ = open_loops(graph)
    try:
        verify(design.words)
    except NcError as error:
        return Link(name, "different", str(error))
    inputs = vectors(graph, VECTORS)
    want = interpret(graph, inputs)
    got = evaluate(design.words, [inputs[p.name] for p in design.words.inputs])
    wrong = sum(int((a != want[p.name]).any()) for p, a in zip(design.words.outputs, got))
    return Link(name, "different" if wrong else "equal", f"{VECTORS} random vectors, both ends of every range included")


def vectors(graph: Graph, count: int) -> dict[str, IntArray]:
    """Random inputs, the first two at the ends of every range."""
    rng = np.random.default_rng(1)
    inputs: dict[str, IntArray] = {}
    for label, value in graph.inputs.items():
        kind: IntType = graph.type(value).int
        top = (kind.hi - kind.lo) // kind.step
        steps = rng.integers(0, top, (count, *graph.type(value).shape), endpoint=True)
        steps[0], steps[1] = 0, top
        inputs[label] = kind.lo + kind.step * steps
    return inputs


def sequences(graph: Graph, inputs: dict[str, IntArray], length: int) -> dict[str, IntArray]:
    """What the graph gives for sequences of `length` vectors, one behind another, each from the initial state on."""
    if not graph.states:
        return interpret(graph, inputs)
    parts = ({label: array[k::length] for label, array in inputs.items()} for k in range(length))
    rows = list(steps(graph, parts))
    return {
        label: np.stack([np.asarray(row[label]) for row in rows], 1).reshape(-1, *graph.type(value).shape)
        for label, value in graph.outputs.items()
    }


def _netlist(build: Path, graph: Graph, design: Design) -> Link:
    """The last synthesis of this build, cell by cell with the vendor's models, or with the functions of its library."""
    name = "word graph ≡ synthesised netlist"
    report = build / "reports" / "synth.json"
    if not report.is_file():
        return Link(name, "skipped", "the build is not synthesised: run `nc synth` first")
    told = json.loads(report.read_text())
    netlist = build / "reports" / "synth" / f"netlist-{told.get('variant')}.v"
    cells = told.get("area_um2") is not None
    library = (
        max(netlist.parent.glob("library-*.lib"), key=lambda p: p.stat().st_mtime, default=None) if cells else None
    )
    flow = "" if cells else find_device(told["device"]).flow
    if library is None and flow not in MODELS or not netlist.is_file():
        return Link(name, "skipped", f"no netlist of a known family at {netlist.name}")
    ports, length = design.spec, SEQUENCE if design.loops else 1
    inputs = vectors(graph, NETLIST_VECTORS)
    want = sequences(graph, inputs, length)
    with tempfile.TemporaryDirectory(prefix="nc-gates-") as folder:
        mapped = gates(netlist, flow, Path(folder), library=library)
    wrong = compare(
        mapped, design, [inputs[p.name] for p in ports.inputs], [want[p.name] for p in ports.outputs], length
    )
    told_length = f" in sequences of {length}" if design.loops else ""
    detail = (
        f"{mapped.n_cells} gates on {told['device']}, {NETLIST_VECTORS} random vectors{told_length} through the streams"
    )
    if wrong or cells or mapped.n_cells > PROVED_CELLS:
        return Link(name, "different" if wrong else "equal", detail)
    with tempfile.TemporaryDirectory(prefix="nc-equivalence-") as folder:
        hdl = sorted((build / "hdl").glob("*.v"))
        shown = prove_equivalent(hdl, netlist, "top", device=told["device"], out_dir=Path(folder), limit_s=PROOF_S)
    return Link(name, shown.verdict, f"{detail}; against the Verilog: {shown.detail}")


def _registers(design: Design) -> Link:
    """By structure: all paths from inputs to a node hold the same number of registers, outputs `latency`."""
    name = "word graph ≡ pipelined word graph"
    words = design.words
    rank = [0] * len(words)
    fixed = [False] * len(words)
    start, src, kind = words.start.tolist(), words.src.tolist(), words.kind.tolist()
    for node in range(len(words)):
        operands = [s for s in src[start[node] : start[node + 1]] if not fixed[s]]
        fixed[node] = not operands and kind[node] != Kind.INPUT
        ranks = {rank[s] for s in operands}
        if len(ranks) > 1:
            return Link(name, "different", f"node %{node} mixes stages {sorted(ranks)}")
        rank[node] = (ranks.pop() if ranks else 0) + (kind[node] == Kind.REG)
    for port in words.outputs:
        if any(rank[n] != design.latency and not fixed[n] for n in port.nodes.tolist()):
            return Link(name, "different", f"output '{port.name}' is not aligned to {design.latency} cycles")
    return Link(name, "equal", f"every path holds {design.latency} registers")


def _cells(design: Design) -> Link:
    mapped = "lut6" if design.options.optimise.technology in HEAPS else "xilinx"
    name = f"adder cells ≡ {PRIMITIVES[mapped]}"
    shapes = adder_shapes(design)
    if not shapes:
        return Link(name, "skipped", "the design has no mapped cells")
    with tempfile.TemporaryDirectory(prefix="nc-cells-") as folder:
        try:
            prove(shapes[:CELLS], Path(folder), mapped)
        except NcError as error:
            return Link(name, "different", str(error))
    return Link(name, "equal", f"{min(len(shapes), CELLS)} of {len(shapes)} shapes, by SAT over all operands")


def adder_shapes(design: Design) -> list[AdderShape]:
    """The distinct adder cells of a design, by name."""
    technology = design.options.optimise.technology
    if technology not in TERNARY + HEAPS or not design.options.optimise.mapped_adders:
        return []
    widest = WIDEST_HEAP if technology in HEAPS else WIDEST
    return sorted({shape for _, shape in adder_cells(design.words, widest)}, key=lambda shape: shape.name)


def prove(shapes: Sequence[AdderShape], folder: Path, mapped: str = "xilinx") -> None:
    """Yosys' SAT solver on Yosys' own models of the primitives. Raises ToolFailed when a shape is wrong."""
    script = []
    for i, shape in enumerate(shapes):
        adder = Adder(shape)
        (folder / f"gold{i}.v").write_text(to_verilog(adder, adder.ports, "gold"))
        cell: Any = MAPPED[mapped](shape)
        (folder / f"gate{i}.v").write_text(to_verilog(cell, cell.ports, "gate"))
        script += [
            "read_verilog +/xilinx/cells_sim.v", f"read_verilog gate{i}.v", "hierarchy -check -top gate", "proc",
            "flatten", "design -stash mapped", f"read_verilog gold{i}.v", "hierarchy -check -top gold", "proc",
            "design -stash behaviour", "design -copy-from behaviour -as gold gold",
            "design -copy-from mapped -as gate gate", "miter -equiv -flatten gold gate both",
            "sat -verify -prove trigger 0 both", "design -reset",
        ]  # fmt: skip
    run_yosys(script, folder, "prove")
