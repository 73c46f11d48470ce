"""Place and route by nextpnr, and the bitstream: iCE40 and ECP5."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nc.backends.synth.devices import DEVICES, Device
from nc.backends.synth.netlist import Figures
from nc.ir.diagnostics import Collector, fail
from nc.sim import tools
from nc.sim.process import run


@dataclass(frozen=True)
class Placed:
    """`fmax_mhz` is None for a design without a clock; `utilisation`: (used, available) by resource."""

    fmax_mhz: float | None
    bitstream: Path
    utilisation: Mapping[str, tuple[int, int]]
    peak_mb: float


@dataclass(frozen=True)
class _Family:
    packer: str
    routed: str  # file that nextpnr writes
    routed_option: str
    unconstrained: str
    bitstream: str


_FAMILIES: Mapping[str, _Family] = {
    "nextpnr-ice40": _Family("icepack", "routed.asc", "--asc", "--pcf-allow-unconstrained", "bitstream.bin"),
    "nextpnr-ecp5": _Family("ecppack", "routed.config", "--textcfg", "--lpf-allow-unconstrained", "bitstream.bit"),
}


def place_and_route(
    device: Device,
    netlist: Path,
    figures: Figures,
    out_dir: Path,
    *,
    constraints: tuple[str, ...] = (),
    seed: int = 1,
    limit_s: float | None = None,
) -> Placed:
    """Place, route and pack `netlist` (Yosys JSON). Pins are placed freely unless `constraints` (nextpnr options
    such as `--pcf FILE`) say otherwise; the seed is fixed, so that a run can be repeated.

    Raises NcError NC523 when the design does not fit, NC524 when the device has no place and route; ToolMissing.
    """
    require_pnr(device)
    check_fit(device, figures)
    family = _FAMILIES[device.pnr]
    nextpnr, packer = tools.require(device.pnr), tools.require(family.packer)
    routed, report, bitstream = out_dir / family.routed, out_dir / "nextpnr.json", out_dir / family.bitstream
    command = [
        *nextpnr.command, *device.pnr_options, "--json", netlist.name, family.routed_option, routed.name,
        "--report", report.name, "--seed", str(seed), "--freq", str(device.target_mhz), "--timing-allow-fail",
        *(constraints or (family.unconstrained,)),
    ]  # fmt: skip
    done = run(command, what="place and route", log=out_dir / "nextpnr.log", cwd=out_dir, limit_s=limit_s)
    run(
        [*packer.command, routed.name, bitstream.name],
        what=f"{family.packer}",
        log=out_dir / f"{family.packer}.log",
        cwd=out_dir,
        limit_s=limit_s,
    )
    data = json.loads(report.read_text())
    clocks = [clock["achieved"] for clock in data.get("fmax", {}).values()]
    return Placed(
        fmax_mhz=round(min(clocks), 2) if clocks else None,
        bitstream=bitstream,
        utilisation={k: (v["used"], v["available"]) for k, v in data["utilization"].items() if v["used"]},
        peak_mb=done.peak_mb,
    )


def require_pnr(device: Device) -> None:
    """Raises NC524 for a device without place and route."""
    if not device.pnr:
        fail("NC524", f"place and route must be for one of {', '.join(d for d, v in DEVICES.items() if v.pnr)}, "
             f"not '{device.name}'")  # fmt: skip


def check_fit(device: Device, figures: Figures) -> None:
    """Say at once, and for every resource, what the device lacks: nextpnr would say one thing after minutes."""
    found = Collector()
    needs = (
        ("pins", figures.pins, device.pins, "compile with a narrower stream: --set io.width=32"),
        ("LUTs", figures.luts, device.luts, "fold the network (reuse factors), or take a larger device"),
        ("flip-flops", figures.ffs, device.ffs, "use fewer pipeline stages, or take a larger device"),
        ("block RAMs", figures.brams, device.brams, "keep weights in LUTs, or take a larger device"),
        ("DSPs", figures.dsps, device.dsps, "use fewer multipliers, or take a larger device"),
    )
    for what, needed, available, help in needs:
        if needed > available:
            found.error("NC523", f"the design must fit the {available} {what} of {device.name}, "
                        f"and it needs {needed}", help=help)  # fmt: skip
    found.raise_if_any()
