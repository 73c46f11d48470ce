"""The sfq target: a network of small integers becomes one balanced, clocked netlist of single-flux-quantum cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable

from nc.backends.backend import Link, SynthesisRequest
from nc.backends.sfq import synthesis
from nc.backends.sfq.bitblast import to_logic
from nc.backends.sfq.budget import over_budget
from nc.backends.sfq.emit import design_json, write_design
from nc.backends.sfq.engine.design import EngineDesign, write_engine
from nc.backends.sfq.engine.design import design as engine_design
from nc.backends.sfq.engine.design import figures as engine_figures
from nc.backends.sfq.engine.design import over_budget as engine_over_budget
from nc.backends.sfq.engine.network import problems, read_network
from nc.backends.sfq.engine.program import execute
from nc.backends.sfq.figures import figures
from nc.backends.sfq.library import BUILT_IN, Library, load_library
from nc.backends.sfq.options import Options as SfqOptions
from nc.backends.sfq.physical import clock_ports
from nc.backends.sfq.synthesis import Synthesised, synthesise
from nc.backends.sfq.tools import equivalent
from nc.compiler.words.lower import lower as to_words
from nc.compiler.words.lower import unsupported
from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate as interpret
from nc.ir.netlist import Netlist
from nc.ir.netlist_eval import evaluate, from_bits, to_bits
from nc.ir.netlist_text import parse_netlist
from nc.ir.stream import StreamSpec
from nc.ir.words import WordGraph, WordPort


@dataclass(frozen=True, eq=False)
class Design:
    """The word graph and its balanced netlist. Ports carry all elements' bits, row-major, low bits first."""

    words: WordGraph
    result: Synthesised


def _library(options: SfqOptions) -> Library:
    return load_library(Path(options.sfq.cells) if options.sfq.cells else BUILT_IN)


def _tensors(words: WordGraph) -> dict[str, dict[str, object]]:
    return {
        port.name: {"shape": list(port.shape), "bits": port.bits, "signed": port.signed}
        for port in (*words.inputs, *words.outputs)
    }


class SfqBackend:
    """Satisfies `nc.backends.backend.Backend`."""

    name = "sfq"
    summary = "superconducting single-flux-quantum cells: path-balanced, clocked, proved, simulated pulse by pulse"
    stage = "primitive"
    Options = SfqOptions
    engines = ("pulse", "verilator", "icarus")

    def check(self, graph: Graph, options: SfqOptions) -> Sequence[Diagnostic]:
        if options.sfq.style == "engine":
            return problems(graph) or engine_over_budget(self._engine(graph, options), options.sfq.engine_max_jj)
        found = unsupported(graph) or over_budget(to_words(graph), options.sfq.max_jj)
        if found and options.sfq.style == "auto" and not problems(graph):
            return engine_over_budget(self._engine(graph, options), options.sfq.engine_max_jj)
        return found

    @staticmethod
    def _engine(graph: Graph, options: SfqOptions) -> EngineDesign:
        s = options.sfq
        network, library = read_network(graph), _library(options)
        return engine_design(network, library, lanes=s.lanes, wiring=s.wiring, budget=s.engine_max_jj)

    def _unrolled(self, graph: Graph, options: SfqOptions) -> bool:
        """Whether a graph that `check` accepts is unrolled."""
        if options.sfq.style != "auto":
            return options.sfq.style == "unrolled"
        return not (unsupported(graph) or over_budget(to_words(graph), options.sfq.max_jj))

    def lower(self, graph: Graph, options: SfqOptions) -> Design | EngineDesign:
        if not self._unrolled(graph, options):
            return self._engine(graph, options)
        words, s = to_words(graph), options.sfq
        result = synthesise(
            to_logic(words),
            _library(options),
            phases=s.phases,
            effort=s.effort,
            objective=s.objective,
            wiring=s.wiring,
            prove=False,  # `nc verify` proves the build's own netlist
            cut=to_logic(words, boxed=True) if s.adders == "t1" else None,
        )
        return Design(words, result)

    def emit(self, design: Design | EngineDesign, folder: Path) -> None:
        if isinstance(design, EngineDesign):
            write_engine(design, folder / "hdl")
            return
        write_design(design.result.design, folder / "hdl", tensors=_tensors(design.words))

    def testbench(self, design: Design | EngineDesign) -> StreamSpec | None:
        return None

    def pulse_design(self, design: Design | EngineDesign) -> Mapping[str, Any] | None:
        """What the cocotb bench of an unrolled netlist needs (an engine's program runs in the pulse simulator)."""
        if isinstance(design, EngineDesign):
            return None
        return design_json(design.result.design, _tensors(design.words))

    def module(self, design: Design | EngineDesign) -> Elaboratable | None:
        return None

    def estimate(self, design: Design | EngineDesign) -> Mapping[str, object]:
        return engine_figures(design) if isinstance(design, EngineDesign) else figures(design.result.design)

    def links(self, build: Path, graph: Graph, options: SfqOptions) -> Sequence[Link]:
        if not self._unrolled(graph, options):
            return (_engine_link(graph, self._engine(graph, options)),)
        words = to_words(graph)
        logic, cells = to_logic(words), _without_clocks(build, options)
        return (_words_link(graph, words, logic), _proof_link(logic, cells))

    def synthesise(
        self, build: Path, graph: Graph, options: SfqOptions, request: SynthesisRequest
    ) -> Mapping[str, object]:
        """Figures of the design lowered again; `synthesise_file` is for netlists."""
        return self.estimate(self.lower(graph, options))

    def synthesise_file(self, path: Path, request: SynthesisRequest) -> Mapping[str, object]:
        return synthesis.synthesise_file(path, output=request.out_dir)


def _without_clocks(build: Path, options: SfqOptions) -> Netlist:
    """The build's netlist with constant clocks: its evaluation does not depend on them."""
    import json

    data = json.loads((build / "hdl" / "netlist.json").read_text())
    netlist = parse_netlist(data["netlist"], "hdl/netlist.json")
    clocks = [port for port in netlist.inputs if port.name in clock_ports(options.sfq.phases)]
    pins = netlist.pins.copy()
    for port in clocks:
        pins[np.isin(pins, port.nets)] = 0
    inputs = tuple(port for port in netlist.inputs if port not in clocks)
    return replace(netlist, pins=pins, inputs=inputs)


def _bits(port: WordPort, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return to_bits(values.reshape(len(values), -1), port.bits).reshape(len(values), -1)


def _words_link(graph: Graph, words: WordGraph, logic: Netlist) -> Link:
    """Random vectors through the integer graph and the bit-level logic."""
    rng, n, name = np.random.default_rng(1), 1024, "integer graph ≡ logic (1024 random vectors)"
    inputs = {}
    for port in words.inputs:
        low, high = words.lo[port.nodes], words.hi[port.nodes]
        inputs[port.name] = rng.integers(low, high + 1, (n, len(port.nodes))).reshape(n, *port.shape)
    wanted = interpret(graph, inputs)
    got = evaluate(logic, {port.name: _bits(port, inputs[port.name]) for port in words.inputs})
    for port in words.outputs:
        values = from_bits(got[port.name].reshape(n, -1, port.bits), signed=port.signed).reshape(n, *port.shape)
        if (values != wanted[port.name]).any():
            return Link(name, "different", f"output '{port.name}'")
    return Link(name, "equal")


def _engine_link(graph: Graph, made: EngineDesign) -> Link:
    """Random vectors through the integer graph and through the engine's program, period by period."""
    rng, n, network = np.random.default_rng(1), 256, made.network
    kind = graph.type(graph.inputs[network.port])
    x = rng.integers(kind.int.lo, kind.int.hi + 1, (n, *kind.shape))
    x = np.where(x >= kind.int.hi, kind.int.hi, kind.int.lo) if kind.int.step != 1 else x
    wanted = interpret(graph, {network.port: x})[network.output].reshape(-1)
    got = execute(made.program, network.bits(x))
    wrong = int((got != wanted).sum())
    name = f"integer graph ≡ engine's program ({n} random vectors)"
    return Link(name, "different" if wrong else "equal", f"{wrong} decisions differ" if wrong else "")


def _proof_link(logic: Netlist, cells: Netlist) -> Link:
    name = "logic ≡ SFQ netlist (SAT proof by ABC, balancing as wires)"
    return Link(name, "equal" if equivalent(logic, cells) else "different", f"{cells.n_cells} cells")


BACKEND = SfqBackend()
