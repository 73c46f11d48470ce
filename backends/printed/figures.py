"""The figures of a circuit: area, power at both supplies over given data, delay, clock, and which budgets it meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nc.backends.printed.adc import adc_figures
from nc.backends.printed.flow import Circuit
from nc.ir.words import WordGraph

# Published: printed batteries and a harvester that the literature designs for, in mW.
BUDGETS_MW = {"molex": 30.0, "blue_spark": 3.0, "harvester": 0.1}


def figures(circuit: Circuit, data: Sequence[np.ndarray[Any, Any]], registers: int, cycles: int = 1) -> dict[str, Any]:
    """JSON figures. `data`: inputs (N, *shape), one a port, over whose states leakage is averaged; `registers`:
    flip-flops, counted with their mean leakage; `cycles`: of one inference. Delay: one worst edge a cell, no wires."""
    technology = circuit.netlist.technology
    area = circuit.area_mm2
    power, delay = {}, {}
    planes, count = circuit.planes(*data), len(data[0])
    for vdd in technology.vdds:
        power[vdd] = circuit.netlist.power_mw(planes, count, vdd)
        delay[vdd] = circuit.delay_ms(vdd)
    if registers:
        cell = technology.flipflop
        area += registers * cell.area_mm2
        for vdd in technology.vdds:
            corner = cell.corners[vdd]
            power[vdd] += registers * corner.leakage_mean_uw * technology.power_over_leakage / 1e3
            delay[vdd] += corner.delay_us / 1e3
    return {
        "area_cm2": round(area / 100, 6),
        "area_by_layer_cm2": {k: round(v * circuit.area_mm2 / 100, 6) for k, v in circuit.layer_shares().items()},
        "cell_counts": circuit.netlist.counts,
        "registers": registers,
        "cycles": cycles,
        "inference_ms": {vdd: round(cycles * d, 4) for vdd, d in delay.items()},
        "power_mw": {vdd: round(p, 6) for vdd, p in power.items()},
        "delay_ms": {vdd: round(d, 4) for vdd, d in delay.items()},
        "clock_hz": {vdd: round(1e3 / d, 4) if d else None for vdd, d in delay.items()},
        "budgets_met": {
            name: {vdd: bool(p <= limit) for vdd, p in power.items()} for name, limit in BUDGETS_MW.items()
        },
        "adc": adc_figures(circuit),
        "mapping_script": circuit.script,
    }


def uniform(words: WordGraph, count: int = 1024) -> list[np.ndarray[Any, Any]]:
    """Uniform inputs of every port, the same at every call."""

    rng = np.random.default_rng(1)
    return [
        rng.integers(words.lo[p.nodes], words.hi[p.nodes] + 1, (count, len(p.nodes))).reshape(count, *p.shape)
        for p in words.inputs
    ]
