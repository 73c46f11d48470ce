"""An engine with its program: chosen for a network and a budget, its figures, its files."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nc.backends.sfq.circuits import netlist_deck
from nc.backends.sfq.emit import cell_json, cells_verilog, to_sdf
from nc.backends.sfq.engine.network import BinaryNetwork
from nc.backends.sfq.engine.program import Program, assemble, shape_of
from nc.backends.sfq.engine.structure import ROLES, Engine, build
from nc.backends.sfq.engine.timing import Timing, timing
from nc.backends.sfq.figures import COOLING
from nc.backends.sfq.legal import check_wires
from nc.backends.sfq.library import Library
from nc.backends.sfq.physical import Wiring
from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.netlist_export import to_verilog
from nc.ir.netlist_text import print_netlist

LANES = (4, 2, 1)


@dataclass(frozen=True, eq=False)
class EngineDesign:
    """Everything of one engine: what it computes, its cells, its clocking, its streams."""

    network: BinaryNetwork
    engine: Engine
    timing: Timing
    program: Program


def design(network: BinaryNetwork, library: Library, *, lanes: int, wiring: Wiring, budget: int) -> EngineDesign:
    """With `lanes` inputs a period, or (0) the most that fit the budget; legal (NC803) whatever it is."""
    engines = [build(shape_of(network, k), library, wiring) for k in ((lanes,) if lanes else LANES)]
    engine = next((e for e in engines if e.jj()["total"] <= budget), engines[-1])
    check_wires(engine.netlist)
    when = timing(engine)
    return EngineDesign(network, engine, when, assemble(network, engine.shape, when.gap))


def over_budget(made: EngineDesign, budget: int) -> list[Diagnostic]:
    """NC805 when even the smallest engine is too large: its widest layer sets the number of columns."""
    total = made.engine.jj()["total"]
    if total <= budget:
        return []
    widest = max(made.network.layers, key=lambda layer: layer.outputs)
    text = (
        f"time-multiplexed engine must need at most {budget:,} Josephson junctions, not {total:,}: layer "
        f"'{widest.name}' needs {widest.outputs} columns, {total - budget:,} junctions too many in all"
    )
    help = "split or shrink the layer, or raise sfq.engine_max_jj"
    return [Diagnostic("NC805", text, Where(node=widest.name), help=help)]


def figures(made: EngineDesign) -> dict[str, object]:
    """JSON figures. A program takes `periods_per_image` clock periods, and images follow each other without a pause.

    Energy and power as in `nc.backends.sfq.figures`; RSFQ static power flows all the time, a quarter of the cells is
    taken to switch in a period.
    """
    engine, period, periods = made.engine, made.timing.period, made.program.periods
    bias_ua, data = engine.total("bias"), engine.library.data
    static_uw = bias_ua * data.bias_mv * 1e-3
    ghz = 1000.0 / period
    dynamic_uw = 0.25 * bias_ua / 0.7 * data.flux_quantum_mv_ps * 1e-3 * ghz * 1e-3
    image_ps = period * periods
    return {
        "style": "engine",
        "columns": engine.shape.columns,
        "lanes": engine.shape.lanes,
        "counter_bits": engine.shape.stages,
        "cells": engine.netlist.n_cells,
        "cell_counts": dict(engine.netlist.count()),
        "jj": engine.jj(),
        "period_ps": period,
        "clock_ghz": round(ghz, 3),
        "fmax_mhz": round(1e3 * ghz, 1),
        "periods_per_image": periods,
        "periods_by_layer": [{"layer": name, "periods": n} for name, n in made.program.layers],
        "latency_ps": round(image_ps + made.timing.latency, 1),
        "frames_per_second": round(1e12 / image_ps, 1),
        "weight_bits_per_period": int(made.program.w.shape[1] * made.program.w.shape[2]),
        "operations": made.network.operations,
        "bias_ma": round(bias_ua * 1e-3, 6),
        "area_mm2": round(engine.total("width") * data.row_um * 1e-6, 6),
        "power_rsfq_uw": round(static_uw + dynamic_uw, 6),
        "power_rsfq_static_uw": round(static_uw, 6),
        "power_ersfq_uw": round(2 * dynamic_uw, 6),
        "energy_rsfq_nj": round((static_uw + dynamic_uw) * image_ps * 1e-9, 9),
        "energy_ersfq_nj": round(2 * dynamic_uw * image_ps * 1e-9, 9),
        "energy_ersfq_cooled_nj": round(2 * dynamic_uw * image_ps * 1e-9 * COOLING, 9),
    }


def engine_json(made: EngineDesign) -> dict[str, object]:
    """`netlist.json` of an engine, all that `nc.sim.pulse_program` reads beside the streams."""
    engine, network = made.engine, made.network
    return {
        "format": 2,
        "netlist": print_netlist(engine.netlist),
        "cells": {kind.name: cell_json(engine.library[kind.name]) for kind in engine.netlist.types},
        "roles": [ROLES[role] for role in engine.role.tolist()],
        "engine": {
            "period": made.timing.period,
            "skew": {name: list(values) for name, values in made.timing.skew.items()},
            "win": [round(value, 3) for value in made.timing.win],
            "race": list(made.program.race),
            "latency": made.timing.latency,
        },
        "tensors": {"input": network.port, "threshold": network.threshold, "output": network.output},
    }


def streams(program: Program) -> Mapping[str, np.ndarray]:
    """The program's arrays by port name."""
    return {name: getattr(program, name) for name in ("x", "w", "preset", "shift", "clear", "load")}


def write_engine(made: EngineDesign, folder: Path, top: str = "top") -> None:
    """All files into `folder`; deterministic bytes (numpy dates the members of an .npz 1980)."""
    folder.mkdir(parents=True, exist_ok=True)
    netlist, library = made.engine.netlist, made.engine.library
    (folder / f"{top}.v").write_text(to_verilog(netlist))
    (folder / "cells.v").write_text(cells_verilog(library, netlist.count()))
    (folder / "netlist.json").write_text(json.dumps(engine_json(made)) + "\n")
    (folder / "figures.json").write_text(json.dumps(figures(made), indent=1, sort_keys=True) + "\n")
    (folder / f"{top}.cir").write_text(netlist_deck(netlist))
    (folder / f"{top}.sdf").write_text(to_sdf(netlist, library))
    held = io.BytesIO()
    np.savez_compressed(held, **streams(made.program))  # type: ignore[arg-type]  # numpy mistakes the names for allow_pickle
    (folder / "program.npz").write_bytes(held.getvalue())
