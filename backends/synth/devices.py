"""The devices that `nc synth` knows: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nc.ir.diagnostics import UsageError, fail, suggest


@dataclass(frozen=True)
class Device:
    """A chip, or a technology-free LUT architecture.

    `flow`: the Yosys flow (a key of `nc.backends.synth.flows.FLOWS`), `flow_options` are given to it; `pnr`: the place
    and route tool, or empty, `pnr_options` select the chip; `pins`, `luts`, `ffs`, `brams`, `dsps`: what it has
    (0: not stated);
    `clock_mhz`: the default clock, which designs for it usually meet. Capacities: iCE40 LP/HX and UltraPlus family data
    sheets (FPGA-DS-02029, FPGA-DS-02008),
    ECP5 family data sheet (FPGA-DS-02012), all Lattice; pins are those nextpnr can place in the package.
    """

    name: str
    summary: str
    flow: str
    lut_inputs: int
    flow_options: str = ""
    pnr: str = ""
    pnr_options: tuple[str, ...] = ()
    target_mhz: int = 0
    luts: int = 0
    ffs: int = 0
    brams: int = 0
    dsps: int = 0
    pins: int = 0
    clock_mhz: float = 0


_ROWS = (
    Device(
        "ice40-hx8k", "Lattice iCE40 HX8K, ct256", "ice40", 4, "-device hx", "nextpnr-ice40",
        ("--hx8k", "--package", "ct256"), 100, luts=7680, ffs=7680, brams=32, pins=206, clock_mhz=50,
    ),
    Device(
        "ice40-up5k", "Lattice iCE40 UltraPlus 5K, sg48", "ice40", 4, "-device u -dsp -spram", "nextpnr-ice40",
        ("--up5k", "--package", "sg48"), 30, luts=5280, ffs=5280, brams=30, dsps=8, pins=39, clock_mhz=16,
    ),
    Device(
        "ecp5-25k", "Lattice ECP5 LFE5U-25F, CABGA381", "ecp5", 4, "", "nextpnr-ecp5",
        ("--25k", "--package", "CABGA381"), 120, luts=24288, ffs=24288, brams=56, dsps=28, pins=197, clock_mhz=50,
    ),
    Device(
        "ecp5-85k", "Lattice ECP5 LFE5U-85F, CABGA756", "ecp5", 4, "", "nextpnr-ecp5",
        ("--85k", "--package", "CABGA756"), 120, luts=83640, ffs=83640, brams=208, dsps=156, pins=365, clock_mhz=50,
    ),
    Device("xcup", "AMD UltraScale+ (6-input LUTs), synthesis only", "xilinx", 6, "-family xcup"),
    Device("lut4", "4-input LUTs without carry chains, technology-free", "lut", 4),
    Device("lut6", "6-input LUTs without carry chains, technology-free", "lut", 6),
)  # fmt: skip

DEVICES: Mapping[str, Device] = {device.name: device for device in _ROWS}


def find_device(name: str) -> Device:
    """The device of that name. Raises UsageError (NC520) with a suggestion."""
    if name not in DEVICES:
        fail("NC520", f"the device must be one of {', '.join(DEVICES)}, not '{name}'",
             help=suggest(name, DEVICES), kind=UsageError)  # fmt: skip
    return DEVICES[name]
