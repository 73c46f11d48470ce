"""Reads an SFQ design from a build directory and runs it in the pulse simulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nc.ir.diagnostics import Where, fail
from nc.ir.netlist_text import parse_netlist
from nc.sim.pulse import CellModel, PulseCircuit
from nc.sim.pulse_waves import Bits, Clocking, WaveResult, run_waves


@dataclass(frozen=True, eq=False)
class PulseDesign:
    """A circuit with its clocking; `period` is the shortest legal one in ps by static timing."""

    circuit: PulseCircuit
    clocking: Clocking
    period: float

    def run(self, inputs: Mapping[str, Bits], period: float | None = None) -> WaveResult:
        """One vector a period: inputs port -> (N, width) bits. Violations are in the result's trace."""
        return run_waves(self.circuit, inputs, self.clocking, period or self.period)


def cell_model(name: str, data: Mapping[str, Any]) -> CellModel:
    moves = tuple(tuple((move[0], tuple(move[1])) for move in row) for row in data["moves"])
    limits = {(first, second): float(limit) for first, second, limit in data["limits"]}
    return CellModel(name, tuple(data["inputs"]), tuple(data["outputs"]), float(data["delay"]), limits, moves)


def from_json(data: Mapping[str, Any], file: str = "") -> PulseDesign:
    """The design in a parsed `netlist.json`. Errors: NC286 for another format."""
    if data.get("format") != 1:
        fail("NC286", f"netlist.json must have format 1, not {data.get('format')}", where=Where(file))
    netlist = parse_netlist(data["netlist"], file)
    models = {name: cell_model(name, entry) for name, entry in data["cells"].items()}
    c = data["clocking"]
    clocking = Clocking(tuple(c["ports"]), tuple(c["insertion"]), c["skew"], c["depth"], c["launch"])
    return PulseDesign(PulseCircuit(netlist, models), clocking, float(c["period"]))


def read_build(build: Path) -> PulseDesign:
    """The design of `build`/hdl/netlist.json."""
    path = build / "hdl" / "netlist.json"
    if not path.is_file():
        fail("NC286", f"build must hold hdl/netlist.json, but '{build}' does not", help="compile with --target sfq")
    return from_json(json.loads(path.read_text()), str(path))
