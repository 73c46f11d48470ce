"""Figures of a balanced netlist: junctions, bias, area, timing, power for RSFQ and ERSFQ."""

from __future__ import annotations

from nc.backends.sfq.library import SfqCell
from nc.backends.sfq.physical import Balanced

COOLING = 400.0
"""W at room temperature for each W at 4.2 K, of a large helium plant (recalled)."""


def minimum_period(design: Balanced) -> float:
    """ps a clock period: worst stage to stage delay by static timing, from the cells' data and the clock trees' skew.

    In every stage: clock -> output delay, splitters and wires to the sink, its setup time, and the difference of the
    two cells' clock arrivals. At least the largest repeat limit of any cell. A stage lasts period / phases.
    """
    netlist, library = design.netlist, design.library
    splitter = library.role("splitter").data.delay
    arrival: dict[int, float] = {}
    cells = netlist.levels.argsort(kind="stable").tolist()
    ports = {f"clk{i}": d for i, d in enumerate(design.clock_depth)} | {"clk": design.clock_depth[0]}
    for port in netlist.inputs:  # roots are timed so that all trees' deepest leaves fire together
        lead = max(design.clock_depth) - ports[port.name] if port.name in ports else 0
        arrival.update(dict.fromkeys(port.nets.tolist(), lead * splitter))
    clock_of: dict[int, float] = {}
    waiting: list[tuple[SfqCell, int, list[int]]] = []
    is_clock = {n for p in netlist.inputs if p.name in ports for n in p.nets.tolist()}
    for cell in cells:
        kind = library[netlist.type_of(cell).name]
        inputs, outputs = netlist.inputs_of(cell).tolist(), netlist.outputs_of(cell).tolist()
        if kind.clocked:
            waiting.append((kind, cell, inputs))
        elif inputs[0] in is_clock:
            is_clock.update(outputs)
            arrival.update(dict.fromkeys(outputs, arrival[inputs[0]] + kind.data.delay))
    for kind, cell, inputs in waiting:
        clock_of[cell] = arrival[inputs[kind.data.inputs.index(kind.data.clock)]]
        arrival[int(netlist.outputs_of(cell)[0])] = clock_of[cell] + kind.data.delay
    for cell in cells:
        kind = library[netlist.type_of(cell).name]
        inputs = netlist.inputs_of(cell).tolist()
        if not kind.clocked and inputs[0] not in is_clock:
            arrival.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), arrival[inputs[0]] + kind.data.delay))
    source_stage = _launch_stages(design)
    need = 0.0
    for kind, cell, inputs in waiting:
        for pin, net in zip(kind.data.inputs, inputs):
            if pin == kind.data.clock or net not in source_stage or source_stage[net] == 0:
                continue
            gap = arrival[net] + kind.limit(pin, kind.data.clock) - clock_of[cell]
            stages = int(design.stage[cell]) - source_stage[net]
            need = max(need, gap * design.phases / stages)
    names = {kind.name for kind in netlist.types}
    repeats = [t for n in names for (a, b), t in library[n].limits.items() if a == b]
    return max(need, max(repeats, default=0.0))


def _launch_stages(design: Balanced) -> dict[int, int]:
    from nc.backends.sfq.legal import arrival_stages

    return {net: stage for net, (what, stage) in arrival_stages(design).items() if what == "data"}


def figures(design: Balanced) -> dict[str, object]:
    """JSON figures. Power at the clock rate of `minimum_period`; RSFQ static = bias x rail; a switched junction takes
    Ic x Phi0 (bias / 0.7 stands for Ic), half of the cells switching a period; ERSFQ has no static power and twice the
    dynamic one (O. Mukhanov, IEEE TAS 2011)."""
    period = minimum_period(design)
    ghz = 1000.0 / period if period else 0.0
    bias_ua, data = design.total("bias"), design.library.data
    static_uw = bias_ua * data.bias_mv * 1e-3
    dynamic_uw = 0.5 * bias_ua / 0.7 * data.flux_quantum_mv_ps * 1e-3 * ghz * 1e-3
    counts = design.netlist.count()
    latency = design.depth / design.phases
    return {
        "gates": int((design.role == 0).sum()),
        "dff": int((design.role == 1).sum()),
        "splitters": int((design.role == 2).sum()),
        "cells": dict(counts),
        "jj": design.jj(),
        "phases": design.phases,
        "depth": design.depth,
        "latency_periods": latency,
        "period_ps": round(period, 3),
        "clock_ghz": round(ghz, 3),
        "latency_ps": round(latency * period, 3),
        "bias_ma": round(bias_ua * 1e-3, 6),
        "area_mm2": round(design.total("width") * data.row_um * 1e-6, 6),
        "power_rsfq_uw": round(static_uw + dynamic_uw, 6),
        "power_rsfq_static_uw": round(static_uw, 6),
        "power_ersfq_uw": round(2 * dynamic_uw, 6),
        "energy_rsfq_fj": round((static_uw + dynamic_uw) * period * 1e-3, 6),
        "energy_ersfq_fj": round(2 * dynamic_uw * period * 1e-3, 6),
        "energy_ersfq_cooled_fj": round(2 * dynamic_uw * period * 1e-3 * COOLING, 6),
    }
