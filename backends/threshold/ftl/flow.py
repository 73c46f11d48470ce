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
    liberty,
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
_MAP = "strash;ifraig;scorr;dc2;dc2;dch,-f;map,-a;topo"


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
    """`cmos` and `ftl` figures of the same circuit; `yield_` of all FTL cells together; `netlist` is the FTL one."""

    cmos: Figures
    ftl: Figures
    yield_: float
    margin_mv: float
    proved: bool
    netlist: Netlist
    embedded: Embedded
    network: ThresholdNetwork | None = None

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
            "cmos_area_um2": round(self.cmos.area, 2),
            "cmos_power_uw": round(self.cmos.power, 2),
            "cmos_delay_ps": round(self.cmos.delay, 1),
            "yield": round(self.yield_, 6),
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


def map_logic(netlist: Netlist, folder: Path, name: str, tech: FtlTechnology) -> Netlist:
    """The logic between registers mapped to the CMOS gates; registers stay as they are, with their names."""
    special = {kind.name: kind for kind in netlist.types if kind.sequential}
    boxes = "".join(_black_box(kind) for kind in special.values())
    (folder / f"{name}.v").write_text(to_verilog(netlist) + boxes)
    (folder / "cmos.lib").write_text(liberty(tech))
    commands = [
        f"read_verilog -icells {name}.v", f"hierarchy -check -top {netlist.name}",
        f"abc -liberty cmos.lib -script +{_MAP}", "opt_clean", f"write_json {name}.json",
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
    files: Sequence[Path], top: str, folder: Path, tech: FtlTechnology | None = None, max_inputs: int = 5
) -> FtlResult:
    """Everything for one circuit; writes `ftl.v` (structural, with a simulation model of each cell) to `folder`, and
    `threshold.v` for a block without registers.

    Raises NcError NC721 for circuits with several clocks; InternalError if the proof fails.
    """
    tech = tech or ftl_technology()
    folder.mkdir(parents=True, exist_ok=True)
    source = to_aig(files, top, folder)
    embedded = embed(source, tech, max_inputs)
    reference = plain(source)
    baseline = map_logic(reference, folder, "cmos", tech)
    result = map_logic(embedded.netlist, folder, "ftl_logic", tech)
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
    )


def synthesise_file(path: Path, folder: Path) -> FtlResult:
    """The flow for a netlist file: Verilog (the last module is the top), AIGER or BLIF."""
    top = "top"
    if path.suffix in (".v", ".sv"):
        names = re.findall(r"^\s*module\s+(\w+)", path.read_text(errors="replace"), re.MULTILINE)
        if not names:
            fail("NC721", "the Verilog file must hold a module", where=Where(file=path.name))
        top = names[-1]
    return ftl_flow([path], top, folder)


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
            "cells": cells,
        }
    return rows
