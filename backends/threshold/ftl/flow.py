"""The FTL flow: Verilog to an AIG with plain registers, embedding, mapping of what remains, proof, figures, netlist."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nc.backends.synth.yosys import quoted, read_commands, run_yosys
from nc.backends.threshold.ftl.cells import (
    FLIP_FLOP,
    CellFigures,
    FtlTechnology,
    base_library,
    ftl_technology,
    ftl_type,
    gate_of,
    genlib,
)
from nc.backends.threshold.ftl.embed import Embedded, embed, plain
from nc.backends.threshold.ftl.network import ThresholdNetwork, threshold_network
from nc.backends.threshold.ftl.prove import equivalent
from nc.backends.threshold.ftl.robust import robustness
from nc.compiler.frontends.yosys_json import read_yosys_json
from nc.ir.diagnostics import InternalError, Where, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_cells import CellType
from nc.ir.netlist_export import to_verilog

_TO_AIG = (
    "proc", "flatten", "opt -full", "memory_map", "opt -full", "techmap", "opt",
    "dfflegalize -cell $_DFF_P_ 01", "opt_clean",
    "abc -g AND -script +strash;ifraig;scorr;dc2;dc2;map", "opt_clean", "delete t:$scopeinfo",
)  # fmt: skip
_MAP = "strash;ifraig;scorr;dc2;dc2;dch,-f;{map};topo"
_FOR_AREA = "map,-a"

_DEPTH_WEIGHTS = (0.0, 0.5, 2.0)
"""um2 for a level of logic: tried in order until the clock period is met."""


@dataclass(frozen=True)
class Figures:
    """`area` um2, `power` uW, `delay` ps of the slowest register-to-register path, by the technology file."""

    cells: int
    flip_flops: int
    ftl: int
    area: float
    power: float
    delay: float


@dataclass(frozen=True)
class FtlResult:
    """`cmos` and `ftl` figures of the same circuit; `netlist` is the FTL one. Yields are of all FTL cells together at
    a noise of `sigma_mv`: `yield_` by Monte Carlo, `yield_bound` a lower bound."""

    cmos: Figures
    ftl: Figures
    yield_: float
    margin_mv: float
    proved: bool
    netlist: Netlist
    embedded: Embedded
    network: ThresholdNetwork | None = None
    period_ps: float = 0.0
    sigma_mv: float = 0.0
    yield_bound: float = 1.0

    def to_json(self) -> dict[str, object]:
        """The fields of `nc synth`, and this technology's; a threshold network only for a block without registers."""
        return {
            "device": "ftl",
            "cells": self.ftl.cells,
            "ffs": self.ftl.flip_flops,
            "area_um2": round(self.ftl.area, 2),
            "fmax_mhz": round(1e6 / self.ftl.delay, 1) if self.ftl.delay else None,
            "ftl_cells": self.ftl.ftl,
            "power_uw": round(self.ftl.power, 2),
            "delay_ps": round(self.ftl.delay, 1),
            "period_ps": round(self.period_ps, 1),
            "cmos_area_um2": round(self.cmos.area, 2),
            "cmos_power_uw": round(self.cmos.power, 2),
            "cmos_delay_ps": round(self.cmos.delay, 1),
            "yield": round(self.yield_, 6),
            "yield_bound": round(self.yield_bound, 6),
            "sigma_mv": self.sigma_mv,
            "margin_mv": round(self.margin_mv, 1),
            "equivalent": self.proved,
            "threshold_gates": None if self.network is None else self.network.gates,
            "threshold_depth": None if self.network is None else self.network.depth,
        }


def to_aig(files: Sequence[Path], top: str, folder: Path) -> Netlist:
    """Verilog as AND gates, inverters and plain D flip-flops; resets and enables become logic."""
    readers = {".aig": "read_aiger -clk_name clk -module_name", ".aag": "read_aiger -clk_name clk -module_name"}
    if len(files) == 1 and files[0].suffix in readers:
        read = [f"{readers[files[0].suffix]} {top} {quoted(files[0])}", f"hierarchy -check -top {top}"]
    elif len(files) == 1 and files[0].suffix == ".blif":
        read = [f"read_blif -wideports {quoted(files[0])}", f"rename -top {top}", f"hierarchy -check -top {top}"]
    else:
        read = read_commands(files, top)
    run_yosys([*read, *_TO_AIG, "write_json aig.json"], folder, "aig")
    return read_yosys_json(folder / "aig.json", top=top)


def map_logic(netlist: Netlist, folder: Path, name: str, tech: FtlTechnology, period: float | None = None) -> Netlist:
    """The logic between registers mapped to the CMOS gates for least area; registers stay as they are, with their
    names. With `period` (ps) as little area as that clock allows."""
    special = {kind.name: kind for kind in netlist.types if kind.sequential}
    boxes = "".join(_black_box(kind) for kind in special.values())
    (folder / f"{name}.v").write_text(to_verilog(netlist) + boxes)
    (folder / "cmos.genlib").write_text(genlib(tech))
    logic = None if period is None else max(1, int(period - tech.flip_flop.delay))
    mapper = _FOR_AREA if logic is None else f"map,-D,{logic}"
    commands = [
        f"read_verilog -icells {name}.v", f"hierarchy -check -top {netlist.name}",
        f"abc -genlib cmos.genlib -script +{_MAP.format(map=mapper)}", "opt_clean", f"write_json {name}.json",
    ]  # fmt: skip
    run_yosys(commands, folder, name)
    library = {**base_library(tech), **special}
    data = json.loads((folder / f"{name}.json").read_text())
    mapped = read_yosys_json(data, library=library, top=netlist.name)
    states = {netlist.cell_name(c): int(netlist.init[c]) for c in range(netlist.n_cells) if netlist.is_sequential[c]}
    init = [states.get(mapped.cell_name(c), 0) for c in range(mapped.n_cells)]
    return replace(mapped, init=np.array(init, np.uint8))


def _black_box(kind: CellType) -> str:
    ports = ", ".join([f"input {p}" for p in kind.inputs] + [f"output {p}" for p in kind.outputs])
    return f"(* blackbox *)\nmodule {kind.name} ({ports});\n  parameter INIT = 1'b0;\nendmodule\n"


def figures(netlist: Netlist, tech: FtlTechnology) -> Figures:
    """Area and power are sums; delay adds the cells' delays along the longest path from a register or a port."""
    by_type: Mapping[str, CellFigures] = {
        kind.name: tech.flip_flop
        if kind.name == FLIP_FLOP
        else tech.ftl_cell(len(kind.inputs) - 1)
        if kind.sequential
        else tech.gates[kind.name].figures
        if kind.name in tech.gates
        else CellFigures(0, 0, 0)
        for kind in netlist.types
    }
    names = [netlist.type_of(c).name for c in range(netlist.n_cells)]
    arrival: dict[int, float] = {}
    for c in range(netlist.n_cells):
        if netlist.is_sequential[c]:
            arrival[int(netlist.outputs_of(c)[0])] = by_type[names[c]].delay
    for c in np.argsort(netlist.levels, kind="stable").tolist():
        if not netlist.is_sequential[c]:
            latest = max((arrival.get(n, 0.0) for n in netlist.inputs_of(c).tolist()), default=0.0)
            for net in netlist.outputs_of(c).tolist():
                arrival[net] = latest + by_type[names[c]].delay
    return Figures(
        cells=netlist.n_cells,
        flip_flops=sum(name == FLIP_FLOP for name in names),
        ftl=sum(name.startswith("FTL_") for name in names),
        area=sum(by_type[name].area for name in names),
        power=sum(by_type[name].power for name in names),
        delay=max(arrival.values(), default=0.0),
    )


def ftl_flow(
    files: Sequence[Path],
    top: str,
    folder: Path,
    tech: FtlTechnology | None = None,
    max_inputs: int = 5,
    period: float | None = None,
) -> FtlResult:
    """Everything for one circuit: the least area found that meets the clock `period` (ps; by default the delay of the
    CMOS mapping), or the shortest delay where none does.

    Writes `ftl.v` (structural, with a simulation model of each cell) to `folder`, and
    `threshold.v` for a block without registers.

    Raises NcError NC721 for circuits with several clocks; InternalError if the proof fails.
    """
    tech = tech or ftl_technology()
    folder.mkdir(parents=True, exist_ok=True)
    source = to_aig(files, top, folder)
    reference = plain(source)
    baseline = map_logic(reference, folder, "cmos", tech)
    period = period or figures(baseline, tech).delay
    embedded, result = _select(source, folder, tech, max_inputs, period)
    proved = equivalent(reference, result) and equivalent(reference, baseline)
    if not proved:
        raise InternalError(f"the FTL netlist of '{top}' is not equivalent to its source")
    network = None
    if not embedded.flip_flops:  # nothing to embed at: the block itself as a network of threshold gates
        network = threshold_network(source, max_inputs)
        if not equivalent(source, network.netlist):
            raise InternalError(f"the threshold network of '{top}' is not equivalent to its source")
        (folder / "threshold.v").write_text(to_verilog(network.netlist, models=True))
    found = [robustness(g, tech.vt_step_mv, tech.vt_sigma_mv) for g in embedded.gates.values()]
    (folder / "ftl.v").write_text(to_verilog(result, models=True))
    (folder / "ftl_cells.json").write_text(json.dumps(_tuning(embedded, tech), indent=1) + "\n")
    return FtlResult(
        figures(baseline, tech),
        figures(result, tech),
        math.prod(r.yield_ for r in found),
        min((r.margin_mv for r in found), default=0.0),
        proved,
        result,
        embedded,
        network,
        period,
        tech.vt_sigma_mv,
        max(0.0, 1 - sum(r.failure for r in found)),
    )


def _select(
    source: Netlist, folder: Path, tech: FtlTechnology, max_inputs: int, period: float
) -> tuple[Embedded, Netlist]:
    """Cells under area and timing: mapped for area first; where that misses the period, mapped for the period, and
    with cells chosen for depth as well."""
    late: list[tuple[float, Embedded, Netlist]] = []
    for weight in _DEPTH_WEIGHTS:
        embedded = embed(source, tech, max_inputs, depth_weight=weight)
        met: list[tuple[float, Embedded, Netlist]] = []
        for limit in (None, period):
            mapped = map_logic(embedded.netlist, folder, "ftl_logic", tech, limit)
            found = figures(mapped, tech)
            if found.delay <= period:
                met.append((found.area, embedded, mapped))
                break
            late.append((found.delay, embedded, mapped))
        if met:
            return met[0][1:]
    return min(late, key=lambda candidate: candidate[0])[1:]


def synthesise_files(files: Sequence[Path], folder: Path, technology: Path | None = None) -> FtlResult:
    """The flow for the Verilog files of a design (module `top`, or else the last one), an AIGER or a BLIF file."""
    top = "top"
    if files[0].suffix in (".v", ".sv"):
        text = "\n".join(path.read_text(errors="replace") for path in files)
        names = re.findall(r"^\s*module\s+(\w+)", text, re.MULTILINE)
        if not names:
            fail("NC721", "the Verilog file must hold a module", where=Where(file=files[0].name))
        top = "top" if "top" in names else names[-1]
    return ftl_flow(files, top, folder, ftl_technology(technology))


def yield_at(embedded: Embedded, tech: FtlTechnology, sigma_mv: float) -> float:
    """Lower bound on the share of circuits in which every FTL cell works, at another noise than the technology's."""
    return max(0.0, 1 - sum(robustness(g, tech.vt_step_mv, sigma_mv).failure for g in embedded.gates.values()))


def _tuning(embedded: Embedded, tech: FtlTechnology) -> dict[str, object]:
    """For each kind of FTL cell: weights, threshold, voltages (mV), margin, yield, and the cells that have it."""
    kinds: dict[str, list[str]] = {}
    for name, gate in embedded.gates.items():
        kinds.setdefault(ftl_type(gate).name, []).append(name)
    rows: dict[str, object] = {}
    for kind, cells in sorted(kinds.items()):
        gate = gate_of(kind)
        found = robustness(gate, tech.vt_step_mv, tech.vt_sigma_mv)
        rows[kind] = {
            "weights": list(gate.weights),
            "threshold": gate.threshold,
            "voltages_mv": [round(v, 1) for v in found.voltages_mv],
            "margin_mv": round(found.margin_mv, 1),
            "yield": found.yield_,
            "failure_bound": float(f"{found.failure:.3g}"),
            "cells": cells,
        }
    return rows
