"""The boards of `nc synth --board`: their chip, clock and serial line, from the pin tables of amaranth-boards."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nc.backends.synth.devices import Device, find_device
from nc.ir.diagnostics import ToolMissing, UsageError, fail, suggest

BOARDS: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    "icebreaker": ("icebreaker", "ICEBreakerPlatform", "ice40-up5k", ("--up5k", "--package", "sg48")),
    "icesugar": ("icesugar", "ICESugarPlatform", "ice40-up5k", ("--up5k", "--package", "sg48")),
    "ice40_hx8k_b_evn": (
        "ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform", "ice40-hx8k", ("--hx8k", "--package", "ct256"),
    ),
    "icesugar_pro": ("icesugar_pro", "ICESugarProPlatform", "ecp5-25k", ("--25k", "--package", "CABGA256")),
    "ulx3s_25f": ("ulx3s", "ULX3S_25F_Platform", "ecp5-25k", ("--25k", "--package", "CABGA381")),
    "ulx3s_85f": ("ulx3s", "ULX3S_85F_Platform", "ecp5-85k", ("--85k", "--package", "CABGA381")),
}  # fmt: skip
"""Name: module and class in amaranth_boards, our device of the same die, and how nextpnr calls die and package."""


@dataclass(frozen=True)
class Pin:
    """`place` on the package; `attributes` of its input or output buffer, as the vendor calls them."""

    place: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BoardPins:
    """A board: its chip, its clock in Hz, and the pins `clk`, `rx` (into the chip) and `tx`."""

    name: str
    device: Device
    clock_hz: float
    pins: Mapping[str, Pin]

    @property
    def constraints(self) -> tuple[str, str, str]:
        """(nextpnr's option, file name, text) of where the pins are."""
        if self.device.pnr == "nextpnr-ice40":
            lines = [f"set_io {pull_up(pin)}{name} {pin.place}" for name, pin in self.pins.items()]
            return "--pcf", "board.pcf", "\n".join(lines) + "\n"
        lines = []
        for name, pin in self.pins.items():
            lines.append(f'LOCATE COMP "{name}" SITE "{pin.place}";')
            words = " ".join(f"{key}={value}" for key, value in pin.attributes)
            lines.append(f'IOBUF PORT "{name}" {words};')
        lines.append(f'FREQUENCY PORT "clk" {self.clock_hz / 1e6:g} MHZ;')
        return "--lpf", "board.lpf", "\n".join(lines) + "\n"


def find_board(name: str) -> BoardPins:
    """The board of that name. Raises UsageError (NC529) with a suggestion, ToolMissing without amaranth-boards."""
    if name not in BOARDS:
        fail("NC529", f"the board must be one of {', '.join(BOARDS)}, not '{name}'", help=suggest(name, BOARDS),
             kind=UsageError)  # fmt: skip
    module, kind, device, options = BOARDS[name]
    try:
        platform: Any = getattr(importlib.import_module(f"amaranth_boards.{module}"), kind)
    except ImportError:
        fail("NC500", "amaranth-boards is needed for --board, and it is not installed",
             help="pip install amaranth-boards", kind=ToolMissing)  # fmt: skip
    resources = {resource.name: resource for resource in platform.resources if resource.number == 0}
    clock, uart = resources[platform.default_clk], resources["uart"]
    lines = {signal.name: signal for signal in uart.ios if hasattr(signal, "ios")}
    pins = {
        "clk": _pin(clock, clock.ios[0]),
        "rx": _pin(uart, lines["rx"].ios[0]),
        "tx": _pin(uart, lines["tx"].ios[0]),
    }
    chip = find_device(device)
    chip = replace(chip, pnr_options=options, target_mhz=round(clock.clock.frequency / 1e6))
    return BoardPins(name, chip, clock.clock.frequency, pins)


def pull_up(pin: Pin) -> str:
    return "-pullup yes " if dict(pin.attributes).get("PULLUP") == "1" else ""


def _pin(resource: Any, pins: Any) -> Pin:
    (place,) = pins.names
    return Pin(place, tuple(sorted((key, str(value)) for key, value in resource.attrs.items() if key != "GLOBAL")))
