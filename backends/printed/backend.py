"""The printed target: one bespoke circuit of the whole network, mapped to printed cells and proved equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable

from nc.backends.backend import Link, SynthesisRequest
from nc.backends.printed import report
from nc.backends.printed.blast import blast
from nc.backends.printed.choice import searched
from nc.backends.printed.figures import figures, uniform
from nc.backends.printed.flow import Circuit, synthesise_words
from nc.backends.printed.folding import Folded, fold
from nc.backends.printed.liberty import read_liberty, write_liberty
from nc.backends.printed.lowering import registered, to_words
from nc.backends.printed.mapping import equivalent
from nc.backends.printed.netlist import read_mapped_blif, write_cell_models
from nc.backends.printed.options import Options as PrintedOptions
from nc.backends.printed.technology import Technology, egfet
from nc.compiler.printed.round_weights import round_weights
from nc.compiler.words.lower import unsupported
from nc.hdl.folded import FoldedTop, folded_spec
from nc.hdl.stream import StreamTop, stream_spec
from nc.hdl.word_files import design_files
from nc.hdl.words import WordDesign
from nc.ir.diagnostics import Diagnostic, fail
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate as interpret
from nc.ir.stream import StreamSpec
from nc.ir.words import WordGraph

Array = np.ndarray[Any, np.dtype[Any]]

LARGEST_GATES = 60_000  # two-input gates before mapping: far beyond anything that was ever printed


@dataclass(frozen=True, eq=False)
class Design:
    """The graph as printed, its mapped circuit, and the word graph (with output registers when asked for). `folded`:
    how the steps of a sequential circuit go on; the circuit is then one step."""

    graph: Graph
    circuit: Circuit
    words: WordGraph
    options: PrintedOptions
    technology: Technology
    folded: Folded | None = None

    @property
    def registers(self) -> int:
        """Flip-flops: the state of a sequential circuit, or one for each output bit of a registered one."""
        if self.folded is not None:
            return self.folded.registers
        return sum(p.tensor.width for p in self.words.outputs) if self.options.printed.registered else 0

    def figures(self, data: Sequence[Array] | None = None) -> dict[str, Any]:
        """The figures over `data`, by default over uniform inputs (and states)."""
        cycles = 1 if self.folded is None else self.folded.cycles
        return figures(self.circuit, uniform(self.circuit.words) if data is None else data, self.registers, cycles)


class PrintedBackend:
    """Satisfies `nc.backends.backend.Backend`."""

    name = "printed"
    summary = "bespoke circuits in printed (EGFET) cells: hard-wired weights, least area, power by state"
    stage = "primitive"
    Options = PrintedOptions
    engines = ("verilator", "icarus", "amaranth")

    def check(self, graph: Graph, options: PrintedOptions) -> Sequence[Diagnostic]:
        if found := unsupported(graph):
            return found
        gates = blast(_words(graph, options)[0]).logic.gates
        if gates > LARGEST_GATES:
            message = f"the circuit must have at most {LARGEST_GATES} gates before mapping, not {gates}"
            return [Diagnostic("NC650", message, help="printed circuits hold small networks; use --target fpga")]
        return []

    def approximate(
        self, graph: Graph, options: PrintedOptions, data: Mapping[str, Array] | None, labels: Array | None = None
    ) -> Graph:
        """The integer graph with the weights that `approx.weights` asks for, or the searched circuit that replaces
        it: from then on it is the truth."""
        if options.approx.search != "off" or options.approx.accuracy_floor is not None:
            return searched(graph, options, data, labels)
        digits = {"exact": None, "po2": 1, "csd2": 2}[options.approx.weights]
        return graph if digits is None else round_weights(graph, digits, data)

    def lower(self, graph: Graph, options: PrintedOptions) -> Design:
        design = _design(graph, egfet(), options, options.printed.effort, options.printed.vdd)
        _within_budget(design.figures(), options)
        return design

    def emit(self, design: Design, folder: Path) -> None:
        top = _top(design, inline=False)
        hdl, netlist = folder / "hdl", folder / "netlist"
        for place in (hdl, netlist):
            place.mkdir(parents=True, exist_ok=True)
        for name, text in design_files(top, top.core, top.ports).items():
            (hdl / name).write_text(text)
        (netlist / "classifier.v").write_text(design.circuit.netlist.write_verilog("classifier"))
        (netlist / "classifier.blif").write_text(design.circuit.netlist.write_blif("classifier"))
        (netlist / "cells.v").write_text(write_cell_models(design.technology))
        (netlist / "cells.lib").write_text(write_liberty(design.technology, design.options.printed.vdd))
        (netlist / "area.svg").write_text(report.area_drawing(design.circuit))
        (netlist / "report.md").write_text(report.text(design.circuit, uniform(design.circuit.words), design.registers))

    def testbench(self, design: Design) -> StreamSpec | None:
        if design.folded is not None:
            return folded_spec(design.words, design.folded.cycles, [loop.state for loop in design.folded.loops])
        return stream_spec(design.words, int(design.options.printed.registered))

    def module(self, design: Design) -> Elaboratable | None:
        return _top(design, inline=True)

    def estimate(self, design: Design) -> Mapping[str, object]:
        return design.figures()

    def links(self, build: Path, graph: Graph, options: PrintedOptions) -> Sequence[Link]:
        words, folded = _words(graph, options)
        blasted = blast(words)
        text = (build / "netlist" / "classifier.blif").read_text()
        same = equivalent(blasted.logic, read_mapped_blif(text, egfet()))
        return (
            _random_link(graph, words) if folded is None else _folded_link(graph, folded),
            Link("gates ≡ mapped netlist (SAT proof by ABC)", "equal" if same else "different"),
        )

    def synthesise(
        self, build: Path, graph: Graph, options: PrintedOptions, request: SynthesisRequest
    ) -> Mapping[str, object]:
        """The whole portfolio, on the built-in cells or a user's Liberty file; power over the build's vectors."""
        technology = egfet() if request.liberty is None else read_liberty(request.liberty)
        vdd = options.printed.vdd if options.printed.vdd in technology.vdds else technology.vdds[0]
        design = _design(graph, technology, options, "full", vdd)
        circuit = design.circuit
        data = _build_vectors(build, circuit.words) if design.folded is None else uniform(circuit.words)
        found = design.figures(data)
        request.out_dir.mkdir(parents=True, exist_ok=True)
        (request.out_dir / "classifier.v").write_text(circuit.netlist.write_verilog("classifier"))
        (request.out_dir / "report.md").write_text(report.text(circuit, data, 0))
        return {
            "device": technology.name,
            "cells": sum(circuit.netlist.counts.values()),
            "depth": circuit.netlist.depth,
            "area_um2": circuit.area_mm2 * 1e6,
            "leakage_uw": circuit.netlist.leakage_uw(circuit.planes(*data), len(data[0]), vdd),
            "fmax_mhz": 1e-3 / max(circuit.delay_ms(vdd), 1e-9),
            **found,
        }


def _words(graph: Graph, options: PrintedOptions) -> tuple[WordGraph, Folded | None]:
    """The word graph that is mapped: the network, or one step of the folded one."""
    if options.printed.style == "combinational":
        return to_words(graph), None
    folded = fold(graph)
    return folded.words, folded


def _design(graph: Graph, technology: Technology, options: PrintedOptions, effort: str, vdd: str) -> Design:
    words, folded = _words(graph, options)
    circuit = synthesise_words(words, technology, effort=effort, vdd=vdd)
    if folded is None and options.printed.registered:
        words = registered(words)
    return Design(graph, circuit, words, options, technology, folded)


def _top(design: Design, *, inline: bool) -> StreamTop:
    core = WordDesign(design.words, cells="inline" if inline else "instances")
    if design.folded is not None:
        return FoldedTop(core, design.folded.cycles, design.folded.loops)
    return StreamTop(core, int(design.options.printed.registered))


def _build_vectors(build: Path, words: WordGraph) -> list[np.ndarray[Any, Any]]:
    """The vectors that the build was made with (calibration data where there were any), else uniform ones."""
    path = build / "tb" / "vectors.npz"
    if not path.is_file():
        return uniform(words)
    with np.load(path, allow_pickle=False) as data:
        names = ["x"] if "x" in data else [f"x{i}" for i in range(len(words.inputs))]
        return [data[n].astype(np.int64) for n in names]


def _random_link(graph: Graph, words: WordGraph) -> Link:
    name = "integer graph ≡ gates (1024 random vectors)"
    inputs = uniform(words)
    wanted = interpret(graph, {p.name: x for p, x in zip(words.inputs, inputs)})
    got = Circuit.of_gates(words).gate_outputs(*inputs)
    for port in words.outputs:
        if (got[port.name] != wanted[port.name]).any():
            return Link(name, "different", f"output '{port.name}'")
    return Link(name, "equal")


def _folded_link(graph: Graph, folded: Folded) -> Link:
    """The steps, run one after another, against the graph."""
    name = f"integer graph ≡ {folded.cycles} steps (256 random vectors)"
    port = folded.words.inputs[0]
    x = np.random.default_rng(1).integers(folded.words.lo[port.nodes], folded.words.hi[port.nodes] + 1,
                                          (256, len(port.nodes)))  # fmt: skip
    wanted = next(iter(interpret(graph, {port.name: x}).values()))
    return Link(name, "equal" if (folded.run(x) == wanted.reshape(256, 1)).all() else "different")


def _within_budget(found: Mapping[str, Any], options: PrintedOptions) -> None:
    """NC654 for a circuit beyond the user's budget."""
    budget, vdd = options.budget, options.printed.vdd
    if budget.area_cm2 is not None and found["area_cm2"] > budget.area_cm2:
        fail(
            "NC654",
            f"area must stay within {budget.area_cm2:g} cm2, but this circuit has {found['area_cm2']:.3f} cm2",
            help="raise budget.area_cm2, round weights (--set approx.weights=po2), or search with nc explore",
        )
    power = found["power_mw"][vdd]
    if budget.power_mw is not None and power > budget.power_mw:
        fail(
            "NC654",
            f"power at {vdd} V must stay within {budget.power_mw:g} mW, but this circuit takes {power:.3f} mW",
            help="raise budget.power_mw, take printed.vdd=0.6, or search with nc explore",
        )


BACKEND = PrintedBackend()

__all__ = ["BACKEND", "Design", "PrintedBackend"]
