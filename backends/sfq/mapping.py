"""Technology mapping to SFQ gates: prefix restructuring, then a portfolio of ABC scripts; the best is kept.

Every clocked gate costs a pipeline stage whatever its function, so all delays are 1 and areas are junctions, a clock
splitter included. What is best is decided after path balancing, which costs more than the logic itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nc.backends.processor_time import in_threads
from nc.backends.sfq import aig
from nc.backends.sfq.library import Library
from nc.backends.sfq.prefix import restructure
from nc.backends.sfq.tools import run_abc
from nc.compiler.frontends.aiger import read_aiger
from nc.compiler.frontends.blif import read_blif
from nc.ir.diagnostics import InternalError, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import CellType
from nc.ir.netlist_cells import library as library_of
from nc.ir.netlist_export import to_blif

_SOP = "if -g -K 6 -C 8; st; if -g -K 6 -C 8; st; dch; if -g -K 6 -C 16; st"
"""SOP balancing (Mishchenko et al., ICCAD 2011): lowers the depth that plain balancing cannot."""

SCRIPTS: Mapping[str, str] = {
    "choices": "dch; map; st; dch; map; st; dch; map; st; dch; map",
    "choices-mfs": "dch; map; mfs2 -W 10; st; dch; map",
    "sop": f"{_SOP}; dch; map",
    "sop-mfs": f"{_SOP}; dch; map; mfs2 -W 10; st; dch; map",
    "sop-choices": f"{_SOP}; dch; map; mfs2 -a -W 4; st; dch; map; mfs2 -a; st; dch; map",
    "sop-deep": f"{_SOP}; {_SOP}; {_SOP}; dch; map; mfs2 -W 10; st; dch; map",
    "gia": "&get -n; &st; &if -g -K 6; &st; &dch; &if -g; &st; &put; dch; map; mfs2 -W 10; st; dch; map",
    "compress": "dc2; dc2; if -g -K 6; st; dch; map; mfs2; st; dch; map; st; dch; map",
    "area": "balance; rewrite; refactor; balance; rewrite; rewrite -z; balance; dch; map -a",
}

QUICK = ("choices-mfs", "sop-mfs", "gia")
"""The scripts that win most often; the rest is for `effort: high`."""


LARGE, LARGE_SCRIPTS = 15_000, ("choices-mfs",)
"""Beyond so many gates one script takes as long as all of them on a small circuit."""


@dataclass(frozen=True)
class Mapped:
    """A netlist of library gates (without clock pins) and the recipe that made it."""

    netlist: Netlist
    recipe: str


def genlib(library: Library) -> str:
    """The library's gates in ABC's genlib: unit delays; area in junctions with the clock splitter."""
    splitter = library.role("splitter").data.jj
    rows = []
    for cell in library.gates:
        function = cell.data.function[cell.data.outputs[0]]
        if "^" in function:
            function = _sum_of_products(cell.gate_type)
        for liberty, abc in (("&", "*"), ("|", "+")):
            function = function.replace(liberty, abc)
        rows.append(f"GATE {cell.name} {cell.data.jj + splitter} {cell.data.outputs[0]}={function};")
        rows += [f"  PIN {pin} UNKNOWN 1 999 1.0 0.0 1.0 0.0" for pin in cell.data_inputs]
    rows += ["GATE _ZERO_ 0 q=CONST0;", "GATE _ONE_ 0 q=CONST1;"]
    rows += ["GATE _WIRE_ 1000 q=a; PIN * NONINV 1 999 1.0 0.0 1.0 0.0"]  # &nf asks for a buffer; never chosen
    return "\n".join(rows) + "\n"


def _sum_of_products(kind: CellType) -> str:
    rows = np.flatnonzero(kind.truth_table()).tolist()
    terms = ["*".join(p if row >> i & 1 else f"!{p}" for i, p in enumerate(kind.inputs)) for row in rows]
    return "+".join(terms)


_PSEUDO = library_of(
    [
        CellType("_ZERO_", (), ("q",), ("0",)),
        CellType("_ONE_", (), ("q",), ("1",)),
        CellType("_WIRE_", ("a",), ("q",), ("a",)),
    ]
)


def plain(netlist: Netlist, ports: Netlist, gates: Mapping[str, CellType]) -> Netlist:
    """The netlist with wires and constants dissolved, its ports called and ordered as those of `ports`.

    Raises InternalError when a cell is no gate of the library (ABC left logic unmapped).
    """
    of: dict[int, int] = {0: 0, 1: 1}
    make = NetlistBuilder(ports.name, gates)
    old = np.concatenate([port.nets for port in netlist.inputs] or [np.zeros(0, np.int32)]).tolist()
    new = [net for port in ports.inputs for net in make.input(port.name, port.width)]
    if len(old) != len(new):
        raise InternalError("ABC changed the number of inputs")
    of.update(zip(old, new))
    for cell in np.argsort(netlist.levels, kind="stable").tolist():
        kind, inputs = netlist.type_of(cell), netlist.inputs_of(cell).tolist()
        output = int(netlist.outputs_of(cell)[0])
        if kind.name in gates:
            of[output] = make.cell(kind.name, [of[net] for net in inputs])[0]
            continue
        table = kind.truth_table().tolist()
        if table not in ([0], [1], [0, 1], [0, 0], [1, 1]):
            raise InternalError(f"ABC left an unmapped node '{kind.functions[0]}'")
        of[output] = of[inputs[0]] if table == [0, 1] else table[0]
    bits = np.concatenate([port.nets for port in netlist.outputs]).tolist()
    at = 0
    for port in ports.outputs:
        make.output(port.name, [of[net] for net in bits[at : at + port.width]])
        at += port.width
    return make.build()


def starting_points(source: Netlist, effort: str = "normal") -> Iterator[tuple[str, Netlist]]:
    """The source itself, its chains in prefix form, and its flattened (two-level) form in prefix form."""
    yield "source", source
    if source.n_cells > LARGE and effort != "high":
        return
    graph = aig.from_netlist(source)
    prefix = restructure(graph)
    if prefix.output_levels() < graph.output_levels():
        yield "prefix", aig.to_netlist(prefix, source.name)
    if prefix.depth <= 24 and effort != "high":
        return  # already shallow: flattening pays for long chains that are hidden from the graph
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.blif").write_text(to_blif(source))
        run_abc("read in.blif; strash; collapse -B 20000; sop; strash; write_aiger out.aig", folder, 10.0)
        if not (folder / "out.aig").exists():
            return
        flat = aig.from_netlist(read_aiger(folder / "out.aig"))
    if len(flat.fanins) > 8 * len(graph.fanins):
        return
    flat.inputs, flat.outputs = _renamed(flat.inputs, graph.inputs), _renamed(flat.outputs, graph.outputs)
    yield "flat-prefix", aig.to_netlist(restructure(flat), source.name)


def _renamed(have: list[tuple[str, list[int]]], want: list[tuple[str, list[int]]]) -> list[tuple[str, list[int]]]:
    bits = iter([bit for _, part in have for bit in part])
    return [(name, [next(bits) for _ in part]) for name, part in want]


def _one(source: Netlist, start: Netlist, script: str, library: Library, seconds: float) -> Netlist | None:
    gates = {cell.name: cell.gate_type for cell in library.gates}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cells.genlib").write_text(genlib(library))
        (folder / "in.blif").write_text(to_blif(start))
        run_abc(f"read_genlib cells.genlib; read in.blif; strash; {script}; write_blif out.blif", folder, seconds)
        if not (folder / "out.blif").exists():
            return None
        found = read_blif(folder / "out.blif", library={**gates, **_PSEUDO})
    return plain(found, source, gates)


def candidates(
    source: Netlist, library: Library, *, effort: str = "normal", seconds: float = 900.0
) -> Iterable[Mapped]:
    """Mapped netlists, one a starting point and script, in a fixed order. `effort`: quick, normal or high."""
    if source.is_sequential.any():
        fail(
            "NC802",
            f"netlist '{source.name}' must be combinational, not with {int(source.is_sequential.sum())} flip-flops",
            help="cut the design at its registers, or unroll it",
        )
    names = QUICK if effort == "quick" else tuple(SCRIPTS)
    if source.n_cells > LARGE and effort != "high":
        names = LARGE_SCRIPTS
    jobs = [(s, start, n) for s, start in starting_points(source, effort) for n in names]

    def run(job: tuple[str, Netlist, str]) -> Mapped | None:
        found = _one(source, job[1], SCRIPTS[job[2]], library, seconds)
        return Mapped(found, f"{job[0]}/{job[2]}") if found is not None else None

    workers = max(1, min(4, os.cpu_count() or 1))
    found = [mapped for mapped in in_threads(run, jobs, workers) if mapped is not None]
    if not found:
        raise InternalError("no ABC script gave a mapped netlist")
    return found
