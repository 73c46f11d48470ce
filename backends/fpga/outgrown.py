"""Which layers of a streaming design took more than was estimated, when it does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nc.backends.fpga.parts import estimated, found
from nc.backends.fpga.streaming import StreamingDesign
from nc.backends.synth.netlist import load
from nc.ir.diagnostics import NcError

RESOURCES = {"LUTs": "luts", "flip-flops": "ffs", "block RAMs": "brams", "DSPs": "dsps"}


def outgrown(error: NcError, design: StreamingDesign, folder: Path) -> NcError:
    """The error (NC523), with the layer named that outgrew its estimate most of every resource that lacks."""
    netlist = folder / "netlist-default.json"
    if not netlist.exists():
        return error
    expected = estimated(design.flow, design.family)
    taken = found(load(netlist, "top"), list(expected))
    said = []
    for diagnostic in error.diagnostics:
        field = next((f for what, f in RESOURCES.items() if f" {what} of " in diagnostic.message), None)
        if diagnostic.code != "NC523" or field is None:
            said.append(diagnostic)
            continue
        excess = {
            name: getattr(taken[name], field) - getattr(expected[name], field) for name in expected if name in taken
        }
        worst = max(excess, key=lambda name: excess[name], default="")
        if worst and excess[worst] > 0:
            text = (
                f"; '{worst}' takes {getattr(taken[worst], field):.0f}, estimated {getattr(expected[worst], field):.0f}"
            )
            diagnostic = replace(diagnostic, message=diagnostic.message + text)
        said.append(diagnostic)
    return type(error)(said)
