"""What an FPGA design is made for: a device, the style that fits it, and a clock, each as asked for or by default."""

from __future__ import annotations

from dataclasses import replace

from nc.backends.fpga.options import Options, PipelineSection
from nc.backends.synth.devices import Device, find_device
from nc.compiler.streaming.blocks import FAMILIES, Family
from nc.compiler.streaming.lower import unsupported
from nc.compiler.streaming.style import MOST_ADDERS, adders, spatial_luts
from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph

DEFAULT_DEVICE = {"ice40": "ice40-hx8k", "ecp5": "ecp5-85k", "xilinx": "xcup", "lut6": "lut6", "generic": "ecp5-85k"}
"""What a design is for when nothing is said, by technology."""

SHARE = 0.8
"""Of a device's LUTs and flip-flops may be used up by an estimate: routing needs the rest."""


def device_of(options: Options) -> Device:
    """`fit.device`, or the default one of the technology."""
    return find_device(options.fit.device or DEFAULT_DEVICE[options.optimise.technology])


def family_of(device: Device) -> Family:
    """The blocks of a device; of one whose capacity is not stated, those of ECP5."""
    family = FAMILIES.get(device.flow, FAMILIES["generic"])
    return family if device.dsps or not device.luts else replace(family, dsp_width=0)


def style(graph: Graph, options: Options) -> str:
    """'spatial' or 'streaming': as asked for; streaming where folding is asked for, or where the network laid out in
    space would not fit the device and everything streams."""
    if options.style != "auto":
        return options.style
    if options.fold.target_ii is not None or options.fold.reuse is not None:
        return "streaming"
    capacity = device_of(options).luts
    fits = spatial_luts(graph) <= SHARE * capacity if capacity else adders(graph) <= MOST_ADDERS
    return "spatial" if fits or unsupported(graph) else "streaming"


def registers(options: Options) -> PipelineSection:
    """The registers of a spatial design: as asked for; with style=auto and no word about them, those that the device's
    usual clock needs; none where style=spatial is asked for."""
    section = options.pipeline
    given = (section.stages, section.every, section.clock_mhz)
    device = device_of(options)
    if options.style != "auto" or any(value is not None for value in given) or not device.clock_mhz:
        return section
    return section.model_copy(update={"clock_mhz": device.clock_mhz})


def asked_mhz(options: Options) -> float | None:
    """The clock that a design was made for: `pipeline.clock_mhz`, or that of its device where nothing is said."""
    if options.pipeline.stages is not None or options.pipeline.every is not None:
        return None
    return options.pipeline.clock_mhz or device_of(options).clock_mhz or None


def technology(options: Options) -> str:
    """Whose adders and delays: as asked for, else those of `fit.device`."""
    asked = options.optimise.technology
    flow = device_of(options).flow
    return flow if asked == "generic" and options.fit.device is not None and flow in DEFAULT_DEVICE else asked


PORT_WIDTHS = (128, 64, 32, 16, 8)
"""Bits of a port where a whole vector has more than there are pins."""


def pins(s_width: int, m_width: int) -> int:
    """Of two streams with valid, ready and last, a clock and a reset."""
    return s_width + m_width + 8


def port_width(options: Options, s_bits: int, m_bits: int) -> int | None:
    """Bits of a spatial design's ports, None for whole vectors: as asked for; narrower than whole vectors where style
    and width are left open and the device has too few pins for them."""
    if options.io.width != "full":
        return int(options.io.width)
    device = device_of(options)
    if options.style != "auto" or not device.pins or pins(s_bits, m_bits) <= device.pins:
        return None
    return next((w for w in PORT_WIDTHS if pins(min(w, s_bits), min(w, m_bits)) <= device.pins), PORT_WIDTHS[-1])


def delays_of(options: Options) -> str:
    """Whose delays registers are placed by: those of the technology, or of the device where that is generic."""
    asked = options.optimise.technology
    flow = device_of(options).flow
    return flow if asked == "generic" and flow in DEFAULT_DEVICE else asked


def too_large(graph: Graph, options: Options) -> list[Diagnostic]:
    """A warning where a network laid out in space outgrows its device (NC618)."""
    device, luts = device_of(options), spatial_luts(graph)
    if not device.luts or luts <= device.luts:
        return []
    chosen = "was asked for" if options.style == "spatial" else "is the only one that holds these operations"
    help = (
        "leave style at auto: it folds" if options.style == "spatial" else "quantise to fewer bits, or a larger device"
    )
    text = f"the design should fit {device.name}, and is estimated to need {luts:,.0f} of {device.luts:,} LUTs: "
    return [Diagnostic("NC618", f"{text}style=spatial {chosen}", help=help, severity="warning")]
