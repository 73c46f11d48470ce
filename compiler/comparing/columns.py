"""What each target's own results say in the terms of a comparison: one small function a target, found by table.

Nothing is estimated here: figures are those of the build's estimate, of `nc simulate` and of `nc synth`, in common
units. A figure that a target does not have is None, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nc.backends.backend import Link
from nc.compiler.comparing.figures import Figure
from nc.compiler.driver.evaluating import Evaluation
from nc.compiler.driver.simulating import Simulation

Figures = dict[str, Figure]


@dataclass(frozen=True)
class Evidence:
    """What the commands said about one build. `synthesis` and `simulation` are None where they were not run, and the
    `why` of each says for what reason."""

    estimate: Mapping[str, Any]
    options: Mapping[str, Any]
    evaluation: Evaluation
    data: str
    simulation: Simulation | None
    synthesis: Mapping[str, Any] | None
    links: Sequence[Link]
    why: Mapping[str, str]

    def link(self, *words: str) -> str:
        """The name of the first link that holds one of the words; empty where there is none."""
        return next((k.name for k in self.links for word in words if word in k.name), "")

    @property
    def hardware(self) -> str:
        """The link between the truth and what was simulated."""
        return self.link("hardware in")


def figures(target: str, evidence: Evidence) -> Figures:
    """The figures of a build by name (see `nc.compiler.comparing.figures.LABELS`)."""
    return {**_quality(evidence), **COLUMNS.get(target, _general)(evidence)}


def _quality(e: Evidence) -> Figures:
    """Accuracy and agreement on the data; of the hardware on those samples that were simulated."""
    found, basis = e.evaluation, f"{e.evaluation.samples} samples of {e.data}"
    labels = "the data has no labels"
    made = {
        "accuracy": _either(found.accuracy, "", f"integer model on {basis}", labels, e.hardware),
        "float_accuracy": _either(found.float_accuracy, "", f"model as read, on {basis}", labels),
        "agreement": _either(found.agreement, "", f"equal decisions of integer and float model on {basis}", "no float "
                             "model in the build", e.link("float model", "float64", "spiking network")),
    }  # fmt: skip
    run = e.simulation
    if run is None:
        return made | {"hardware_accuracy": Figure(None, "", e.why.get("simulation", "not simulated"))}
    hardware = f"{run.vectors} samples of {e.data} in {run.engine}, {run.mismatches} mismatches"
    return made | {"hardware_accuracy": _either(run.accuracy, "", hardware, labels, e.hardware)}


def _fpga(e: Evidence) -> Figures:
    chip = (e.synthesis or {}).get("device", "")
    wanted = e.why.get("clock", "needs place and route: --fidelity pnr")
    made = _cycles(e)
    fmax = (e.synthesis or {}).get("fmax_mhz")
    clock = None if fmax is None else fmax * 1e6
    made |= _timed(made, clock, f"Fmax after place and route on {chip}", wanted)
    made |= _resources(e, e.link("netlist"))
    none = "nc has no power model of FPGAs, and the vendors' estimators are not open"
    return made | {"energy": Figure(None, "J", none)}


def _neuromorphic(e: Evidence) -> Figures:
    mapping = e.estimate.get("mapping")
    memory = e.estimate["memory_bits"]
    made = _fpga(e)
    cores = mapping["cores"] if mapping else 1
    return made | {
        "cores": Figure(cores, "", "time-multiplexed cores, placed on a mesh" if mapping else "one core"),
        "neurons": Figure(e.estimate["neurons"], "", f"and {e.estimate['synapses']:,} synapses", e.link("memories")),
        "memory": Figure(memory if isinstance(memory, int) else sum(memory.values()), "bit", "exact, all memories"),
        "energy": Figure(None, "J", "the core runs on an FPGA, of which nc has no power model; spikes and synaptic "
                         "operations are counted by nc eval"),
    }  # fmt: skip


def _printed(e: Evidence) -> Figures:
    vdd = e.options["printed"]["vdd"]
    power, delay = (
        e.estimate["power_mw"][vdd] * 1e-3,
        e.estimate.get("inference_ms", e.estimate["delay_ms"])[vdd] * 1e-3,
    )
    netlist, cells = e.link("mapped netlist"), e.estimate["cell_counts"]
    basis = f"EGFET cell model at {vdd} V, without wires, converters and sensors"
    rate = f"one sample each worst delay; {basis}"
    return {
        "latency": Figure(delay, "s", f"worst path of the mapped netlist; {basis}", netlist),
        "throughput": _either(1 / delay if delay else None, "1/s", rate, "no logic", netlist),
        "cells": Figure(sum(cells.values()), "", "printed cells of the mapped netlist", netlist),
        "area": Figure(e.estimate["area_cm2"] * 100, "mm²", basis, netlist),
        "power": Figure(power, "W", f"leakage by state over uniform random inputs; {basis}", netlist),
        "energy": Figure(power * delay, "J", f"power × worst delay: the circuit leaks all the time; {basis}", netlist),
    }


def _threshold(e: Evidence) -> Figures:
    made, clock = _cycles(e), 1e9 / e.estimate["clock_ns"]
    basis = e.estimate["technology"]
    made |= _timed(made, clock, basis, "")
    pes, programs = e.estimate["pes"], e.link("PE programs = ")
    return made | {
        "elements": Figure(pes, "", "processing elements of the array", programs),
        "area": Figure(e.estimate["area_um2"] * 1e-6, "mm²", f"{pes} elements without memories and control; {basis}"),
        "energy": Figure(e.estimate["energy_nj"] * 1e-9, "J", f"cycles of the layers with all elements active, without "
                         f"memories; {basis}", programs),
    }  # fmt: skip


def _sfq(e: Evidence) -> Figures:
    found, netlist = e.estimate, e.link("SFQ netlist", "engine's program")
    made = _cycles(e)
    scale, of = (1e-15, "fj") if "energy_rsfq_fj" in found else (1e-9, "nj")
    cells = "RSFQ cell library"
    images = found.get("frames_per_second", found["clock_ghz"] * 1e9)
    return made | {
        "clock": Figure(found["clock_ghz"] * 1e9, "Hz", f"shortest period without a timing violation; {cells}",
                        e.hardware),
        "latency": Figure(found["latency_ps"] * 1e-12, "s", "clock periods through the netlist × period", e.hardware),
        "throughput": Figure(images, "1/s", "a vector each period" if of == "fj" else "images one behind the other",
                             e.hardware),
        "junctions": Figure(found["jj"]["total"], "", "logic, balancing, splitters, clock and wiring", netlist),
        "area": Figure(found["area_mm2"], "mm²", f"cells in rows; {cells}", netlist),
        "power": Figure(found["power_rsfq_uw"] * 1e-6, "W", "RSFQ: bias resistors and switching at that clock, at 4.2 K"
                        " without the cooler", netlist),
        "energy": Figure(found[f"energy_rsfq_{of}"] * scale, "J", "RSFQ power ÷ throughput, at 4.2 K; a cooler takes "
                         f"some hundred times more; ERSFQ: {found[f'energy_ersfq_{of}'] * scale:.3g} J", netlist),
    }  # fmt: skip


def _general(e: Evidence) -> Figures:
    """A target from outside: what every simulation and synthesis has."""
    return _fpga(e) | {"energy": Figure(None, "J", "the target gives none")}


def _cycles(e: Evidence) -> Figures:
    run = e.simulation
    if run is None:
        why = e.why.get("simulation", "not simulated")
        return {name: Figure(None, "cycles", why) for name in ("latency_cycles", "interval_cycles")}
    seen = f"measured in {run.engine}"
    return {
        "latency_cycles": _either(run.latency_cycles, "cycles", f"{seen}, first input to last output word", "no clock",
                                  e.hardware),
        "interval_cycles": _either(run.ii_cycles, "cycles", f"{seen} without stalls", "no clock", e.hardware),
    }  # fmt: skip


def _timed(cycles: Figures, clock: float | None, basis: str, missing: str) -> Figures:
    """Clock, latency and throughput from measured cycles and a clock."""
    latency, interval = cycles["latency_cycles"], cycles["interval_cycles"]
    # Logic without registers answers in the same cycle: its delay is at most a period.
    seconds = None if clock is None or latency.value is None else max(latency.value, 1) / clock
    rate = None if clock is None or not interval.value else clock / interval.value
    slow, fast = f"cycles ÷ clock, at least a period; {basis}", f"clock ÷ cycles an inference; {basis}"
    return {
        "clock": _either(clock, "Hz", basis, missing),
        "latency": _either(seconds, "s", slow, missing or latency.basis, latency.link),
        "throughput": _either(rate, "1/s", fast, missing or interval.basis, interval.link),
    }


def _resources(e: Evidence, link: str) -> Figures:
    if e.synthesis is None:
        return {"luts": Figure(None, "", e.why.get("synthesis", "not synthesised"))}
    basis = f"Yosys for {e.synthesis['device']}"
    names = [k for k in ("luts", "ffs", "brams", "dsps") if e.synthesis.get(k) is not None]
    return {k: Figure(e.synthesis[k], "", basis, link) for k in names}


def _either(value: float | int | None, unit: str, basis: str, missing: str, link: str = "") -> Figure:
    """The figure, or none with the reason."""
    return Figure(None, unit, missing) if value is None else Figure(value, unit, basis, link)


COLUMNS: Mapping[str, Callable[[Evidence], Figures]] = {
    "fpga": _fpga,
    "printed": _printed,
    "threshold": _threshold,
    "sfq": _sfq,
    "neuromorphic": _neuromorphic,
}
SYNTHESISED = ("fpga", "neuromorphic")
"""Targets whose size only synthesis knows; the others' builds hold mapped netlists already."""
