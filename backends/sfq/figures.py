"""Figures of a balanced netlist: junctions, bias, area, timing, power for RSFQ and ERSFQ."""

from __future__ import annotations

from nc.backends.sfq.physical import Balanced
from nc.backends.sfq.timing import minimum_period

COOLING = 400.0
"""W at room temperature for each W at 4.2 K, of a large helium plant (recalled)."""


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
        "cells": design.netlist.n_cells,
        "cell_counts": dict(counts),
        "jj": design.jj(),
        "phases": design.phases,
        "depth": design.depth,
        "latency_periods": latency,
        "period_ps": round(period, 3),
        "clock_ghz": round(ghz, 3),
        "fmax_mhz": round(1e3 * ghz, 1),
        "latency_ps": round(latency * period, 3),
        "bias_ma": round(bias_ua * 1e-3, 6),
        "area_um2": round(design.total("width") * data.row_um, 3),
        "area_mm2": round(design.total("width") * data.row_um * 1e-6, 6),
        "power_rsfq_uw": round(static_uw + dynamic_uw, 6),
        "power_rsfq_static_uw": round(static_uw, 6),
        "power_ersfq_uw": round(2 * dynamic_uw, 6),
        "energy_rsfq_fj": round((static_uw + dynamic_uw) * period * 1e-3, 6),
        "energy_ersfq_fj": round(2 * dynamic_uw * period * 1e-3, 6),
        "energy_ersfq_cooled_fj": round(2 * dynamic_uw * period * 1e-3 * COOLING, 6),
    }
