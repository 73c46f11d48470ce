"""Verilog to figures: Yosys' flow for a device, counted; place and route and a bitstream where asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nc.backends.synth import asic, netlist
from nc.backends.synth import pnr as placer
from nc.backends.synth.devices import Device, find_device
from nc.backends.synth.flows import FLOWS, OPENED, QUICK
from nc.backends.synth.yosys import read_commands, run_yosys
from nc.ir.diagnostics import fail

# Above this many word-level operator bits, instances counted, synthesis keeps the hierarchy: Yosys' flattened
# passes grow faster than linearly, and a module with many instances is then optimised once.
FLAT_LIMIT = 150_000
DEFAULT_LIMIT_S = 1800.0


@dataclass(frozen=True)
class SynthesisResult:
    """The figures of `nc synth`; None where one does not apply.

    `luts`: physical LUT sites; `depth`: LUT levels (gates for standard cells); `mode`: 'flat' or 'hierarchical';
    `variant`: the flow variant that was smallest, `variants`: LUTs (area) of each; `utilisation`: used and available by
    resource after place and route; `peak_mb`: largest memory of any tool that ran.
    """

    device: str
    luts: int | None
    ffs: int
    carries: int | None
    brams: float | None
    dsps: int | None
    cells: int
    depth: int | None
    area_um2: float | None
    leakage_uw: float | None
    fmax_mhz: float | None
    bitstream: str | None
    seconds: float
    mode: str
    variant: str
    variants: Mapping[str, float]
    peak_mb: float
    netlist: Path
    pins: int
    utilisation: Mapping[str, Sequence[int]] = field(default_factory=dict)
    cell_types: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The fields of `nc synth --json`, and a few more."""
        return {
            "device": self.device,
            "luts": self.luts,
            "ffs": self.ffs,
            "carries": self.carries,
            "brams": self.brams,
            "dsps": self.dsps,
            "cells": self.cells,
            "depth": self.depth,
            "area_um2": self.area_um2,
            "leakage_uw": self.leakage_uw,
            "fmax_mhz": self.fmax_mhz,
            "bitstream": self.bitstream,
            "seconds": round(self.seconds, 2),
            "mode": self.mode,
            "variant": self.variant,
            "variants": dict(self.variants),
            "peak_mb": round(self.peak_mb, 1),
            "utilisation": {k: list(v) for k, v in self.utilisation.items()},
            "cell_types": dict(self.cell_types),
        }


def synthesise(
    verilog_files: Sequence[Path],
    top: str,
    device: str | Device,
    *,
    pnr: bool = False,
    out_dir: Path,
    liberty: Path | None = None,
    hierarchy: str = "auto",
    seed: int = 1,
    limit_s: float | None = DEFAULT_LIMIT_S,
    memory_mb: int = 0,
    variants: Sequence[str] = (),
    constraints: Sequence[str] = (),
    goal: str = "area",
) -> SynthesisResult:
    """Synthesise Verilog for `device` (or the name of one, of `devices.DEVICES`), or for the cells of `liberty`.

    `out_dir` receives logs, netlists and, with `pnr`, the bitstream; `hierarchy` is 'flat', 'keep' or 'auto' (keep for
    large designs); `variants` names those of the flow to try (default: all that apply), of which the one of fewest
    LUTs is kept, or with `goal='balanced'` of the least product of LUTs and depth; `constraints` are nextpnr's
    options on pins (default: it chooses); `limit_s` holds for each tool, `memory_mb` (0: none) for Yosys' address
    space.
    Raises NcError: NC520 unknown device, NC521 unresolved module or memory, NC523 does not fit, NC501/NC502 for
    trouble in a tool.
    """
    if hierarchy not in ("auto", "flat", "keep"):
        fail("NC520", f"hierarchy must be auto, flat or keep, not '{hierarchy}'")
    for path in verilog_files:
        if not path.is_file():
            fail("NC521", f"every Verilog file must exist, and '{path}' does not")
    if pnr and liberty is None:
        placer.require_pnr(_chip(device))  # told before the synthesis, not after
    begin = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    read = read_commands(verilog_files, top)
    flat, peak = _choose_mode(read, top, out_dir, hierarchy, limit_s, memory_mb)
    if liberty is not None:
        return asic.synthesise(read, top, liberty, out_dir, flat, limit_s, memory_mb, begin, peak)
    chip = _chip(device)
    if not variants:
        made_of_luts = any(path.name == "primitives.v" for path in verilog_files)
        variants = [v for v in FLOWS[chip.flow](chip, top, flat) if v != QUICK and (v != OPENED or made_of_luts)]
    return _fpga(
        read, top, chip, pnr, out_dir, flat, seed, limit_s, memory_mb, begin, peak, variants, constraints, RANKS[goal]
    )


def _chip(device: str | Device) -> Device:
    return find_device(device) if isinstance(device, str) else device


Rank = Callable[[netlist.Figures], tuple[int, int]]

RANKS: Mapping[str, Rank] = {
    "area": lambda figures: (figures.luts, figures.depth or 0),
    "balanced": lambda figures: (figures.luts * (figures.depth or 1), figures.luts),
}
"""What the variants of a flow are compared by."""


def _fpga(
    read: list[str], top: str, device: Device, place: bool, out_dir: Path, flat: bool, seed: int,
    limit_s: float | None, memory_mb: int, begin: float, peak: float, variants: Sequence[str],
    constraints: Sequence[str], rank: Rank,
) -> SynthesisResult:  # fmt: skip
    found: dict[str, tuple[netlist.Figures, Path]] = {}
    for variant, commands in FLOWS[device.flow](device, top, flat).items():
        if variant not in variants:
            continue
        path = out_dir / f"netlist-{variant}.json"
        finish = ["flatten", "opt_clean", "delete t:$scopeinfo", f"write_json {path.name}",
                  f"write_verilog -noattr netlist-{variant}.v"]  # fmt: skip
        done = run_yosys([*read, *commands, *finish], out_dir, f"yosys-{variant}", limit_s=limit_s, memory_mb=memory_mb)
        peak = max(peak, done.peak_mb)
        found[variant] = (netlist.figures(netlist.load(path, top)), path)
    variant = min(found, key=lambda name: rank(found[name][0]))
    figures, path = found[variant]
    result = SynthesisResult(
        device=device.name,
        luts=figures.luts,
        ffs=figures.ffs,
        carries=figures.carries,
        brams=figures.brams,
        dsps=figures.dsps,
        cells=figures.cells,
        depth=figures.depth,
        area_um2=None,
        leakage_uw=None,
        fmax_mhz=None,
        bitstream=None,
        seconds=time.monotonic() - begin,
        mode="flat" if flat else "hierarchical",
        variant=variant,
        variants={name: figure.luts for name, (figure, _) in found.items()},
        peak_mb=peak,
        netlist=path,
        pins=figures.pins,
        cell_types=figures.cell_types,
    )
    if not place:
        return result
    placed = placer.place_and_route(
        device, path, figures, out_dir, constraints=tuple(constraints), seed=seed, limit_s=limit_s
    )
    return replace(
        result,
        fmax_mhz=placed.fmax_mhz,
        bitstream=placed.bitstream.name,
        utilisation=placed.utilisation,
        peak_mb=max(peak, placed.peak_mb),
        seconds=time.monotonic() - begin,
    )


def _choose_mode(
    read: list[str], top: str, out_dir: Path, hierarchy: str, limit_s: float | None, memory_mb: int
) -> tuple[bool, float]:
    """(flat?, peak memory in MB). Always reads the design, so that what is unresolved is found in a second."""
    # No -top: that of Yosys 0.70 ends in "map::at" on some hierarchies, and `hierarchy` has marked the top.
    commands = [*read, "proc", "opt_clean", "tee -q -o size.json stat -width -json"]
    done = run_yosys(commands, out_dir, "yosys-read", limit_s=limit_s, memory_mb=memory_mb)
    if hierarchy != "auto":
        return hierarchy == "flat", done.peak_mb
    return operator_bits(json.loads((out_dir / "size.json").read_text())) <= FLAT_LIMIT, done.peak_mb


def operator_bits(stat: Mapping[str, object]) -> int:
    """The bits of all word-level operators of a `stat -width -json` report, every instance counted."""
    design = stat["design"]
    assert isinstance(design, dict)
    total = 0
    for kind, value in design["num_cells_by_type"].items():
        if not kind.startswith("$"):
            continue
        count = value["count"] if isinstance(value, dict) else value
        width = kind.rsplit("_", 1)[-1]
        total += int(count) * (int(width) if width.isdigit() else 1)
    return total
