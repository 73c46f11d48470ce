"""Logic to a balanced, legal, proved SFQ netlist: map in several ways, balance each, keep the best, build, check."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nc.backends.sfq import legal, physical
from nc.backends.sfq.aig import BOX_IN
from nc.backends.sfq.balance import Schedule, schedule
from nc.backends.sfq.boxes import reassemble
from nc.backends.sfq.emit import write_design
from nc.backends.sfq.figures import figures
from nc.backends.sfq.library import BUILT_IN, Library, load_library
from nc.backends.sfq.mapping import Mapped, candidates
from nc.backends.sfq.physical import Balanced, Wiring
from nc.backends.sfq.tools import equivalent, read_verilog
from nc.compiler.frontends.aiger import read_aiger
from nc.compiler.frontends.blif import read_blif
from nc.compiler.frontends.yosys_json import read_yosys_json
from nc.ir.diagnostics import InternalError, Where, fail
from nc.ir.netlist import Netlist

READERS: Mapping[str, Callable[[Path], Netlist]] = {
    ".aig": read_aiger,
    ".aag": read_aiger,
    ".blif": read_blif,
    ".json": read_yosys_json,
    ".v": read_verilog,
    ".sv": read_verilog,
}


@dataclass(frozen=True, eq=False)
class Synthesised:
    """The result for one source. `tried`: (recipe, gates, DFFs, junctions) of every candidate; `proved`: the strip of
    the balanced netlist is equivalent to the source."""

    source: Netlist
    mapped: Mapped
    plan: Schedule
    design: Balanced
    proved: bool
    tried: tuple[tuple[str, int, int, int], ...]
    seconds: float


def junctions(netlist: Netlist, plan: Schedule, library: Library) -> int:
    """Junctions of gates and DFFs with their clock splitters, before wires and fan-out are known."""
    splitter, buffer = library.role("splitter").data.jj, library.role("buffer").data.jj
    logic = sum(count * (library[name].data.jj + splitter) for name, count in netlist.count().items())
    return logic + plan.dff * (buffer + splitter)


def synthesise(
    source: Netlist,
    library: Library,
    *,
    phases: int = 1,
    effort: str = "normal",
    objective: str = "dff",
    wiring: Wiring = "jtl",
    prove: bool = True,
    cut: Netlist | None = None,
) -> Synthesised:
    """The best of `candidates` by DFFs (then junctions) or by junctions (then DFFs), built and checked.

    `cut`: the source cut at its full adders, which then become T1 cells (gates where mapping found one constant).

    Errors: NC802 for a sequential source. An illegal or different result is an InternalError.
    """
    started = time.perf_counter()
    rows: list[tuple[tuple[int, int], int, Mapped, Schedule]] = []
    for number, mapped in enumerate(_candidates(source, cut, library, effort)):
        plan = schedule(mapped.netlist, phases)
        cost = (plan.dff, junctions(mapped.netlist, plan, library))
        rows.append((cost if objective == "dff" else cost[::-1], number, mapped, plan))
    cost, _, mapped, plan = min(rows, key=lambda row: row[:2])
    design = physical.build(mapped.netlist, plan, library, wiring=wiring)
    legal.check(design)
    if prove and not equivalent(source, legal.strip(design)):
        raise InternalError(f"the SFQ netlist of '{source.name}' differs from its source ({mapped.recipe})")
    tried = tuple((m.recipe, m.netlist.n_cells, p.dff, junctions(m.netlist, p, library)) for _, _, m, p in rows)
    return Synthesised(source, mapped, plan, design, prove, tried, time.perf_counter() - started)


def _candidates(source: Netlist, cut: Netlist | None, library: Library, effort: str) -> list[Mapped]:
    if cut is None or all(port.name != BOX_IN for port in cut.outputs):
        return list(candidates(source, library, effort=effort))
    whole = [(m, reassemble(m.netlist, library)) for m in candidates(cut, library, effort=effort)]
    found = [Mapped(netlist, f"{m.recipe}/t1") for m, netlist in whole if netlist is not None]
    return found or list(candidates(source, library, effort=effort))


def read_source(path: Path) -> Netlist:
    """A netlist file by its suffix. Errors: NC286 for an unknown one."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        fail("NC286", f"netlist file must end in {', '.join(READERS)}, not '{path.name}'", where=Where(str(path)))
    if not path.is_file():
        fail("NC286", f"netlist file must exist, not '{path}'", where=Where(str(path)))
    return reader(path)


def synthesise_file(
    path: Path,
    *,
    cells: Path | None = None,
    phases: int = 1,
    effort: str = "normal",
    objective: str = "dff",
    wiring: Wiring = "jtl",
    output: Path | None = None,
) -> dict[str, object]:
    """`nc synth FILE --cells sfq`: synthesise, prove, and (with `output`) write the netlist's files; JSON figures."""
    library = load_library(cells or BUILT_IN)
    done = synthesise(read_source(path), library, phases=phases, effort=effort, objective=objective, wiring=wiring)
    found = figures(done.design)
    if output is not None:
        write_design(done.design, output, done.source.name)
    by_phases = []
    for k in (1, 2, 3, 4):
        design = physical.build(done.mapped.netlist, schedule(done.mapped.netlist, k), library, wiring=wiring)
        jj = design.jj()
        by_phases.append({"phases": k, "dff": int((design.role == physical.BALANCE).sum()), "jj": jj["total"]})
    return {
        "circuit": path.stem,
        **found,
        "by_phases": by_phases,
        "recipe": done.mapped.recipe,
        "optimal": done.plan.optimal,
        "lp_gap": done.plan.gap,
        "balancing_seconds": round(done.plan.seconds, 4),
        "equivalent": done.proved,
        "seconds": round(done.seconds, 3),
    }
