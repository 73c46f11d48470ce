"""The Yosys flows: Verilog to a mapped, flattened netlist, one function a family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nc.backends.synth.devices import Device

RIPPLE = Path(__file__).with_name("ripple.v")
LUTS = Path(__file__).with_name("luts.v")
LOOKUP = Path(__file__).with_name("lookup.v")

# ABC's own check of its mapping (`&verify`) does not end on sums of a few hundred adders; `nc verify` proves the
# netlist against its source instead.
NO_SELF_CHECK = "scratchpad -set abc9.verify 0"


def ice40(device: Device, top: str, flat: bool) -> Mapping[str, list[str]]:
    hierarchy = "" if flat else " -noflatten"
    return {"default": [NO_SELF_CHECK, f"synth_ice40 -top {top} {device.flow_options}{hierarchy}"]}


def ecp5(device: Device, top: str, flat: bool) -> Mapping[str, list[str]]:
    hierarchy = "" if flat else " -noflatten"
    return {"default": [NO_SELF_CHECK, f"synth_ecp5 -top {top}{hierarchy}"]}


def xilinx(device: Device, top: str, flat: bool) -> Mapping[str, list[str]]:
    hierarchy = " -flatten" if flat else ""
    return {"default": [NO_SELF_CHECK, f"synth_xilinx {device.flow_options} -top {top} -noiopad -noclkbuf{hierarchy}"]}


OPENED = "opened"
QUICK = "merged_quick"

CHOICES = "+strash;&get,-n;&dch,-f;&if;&put;mfs2"
"""ABC's mapping with structural choices for the least depth, without the optimisations before it that undo counters."""

NO_MFS = 'scratchpad -set abc9.script "+&scorr; &sweep; &dc2; &dch -f -r; &ps; &if -v;"'
"""ABC's default without its last step, SAT-based resubstitution (`&mfs`): some percent of the LUTs, and nearly all of
the time on large sums."""

NO_POWER_UP = ("proc", "setattr -unset init w:*")
"""Power-up values count on a device, not in a netlist without one; Yosys 0.70 stumbles over them where a register bit
turns out constant ("conflicting init values")."""


def lut(device: Device, top: str, flat: bool) -> Mapping[str, list[str]]:
    """For an architecture without carry chains, several ways to build sums.

    'merged': Yosys' own flow, which merges chains of additions (`alumacc`) and adds with a parallel prefix;
    'merged_ripple': the same with a ripple carry; 'prefix': each addition by itself; 'ripple': each by itself with a
    ripple carry; 'opened' (for designs that are made of LUTs in part): those LUTs dissolved too, so that ABC maps all
    logic for the least depth; 'merged_quick' (only by name): 'merged' without resubstitution.
    """
    hierarchy = " -flatten" if flat else ""
    synth = f"synth -lut {device.lut_inputs} -top {top}{hierarchy}"
    alone = f"{synth} -noalumacc"
    flows = {
        "merged": [synth],
        QUICK: [NO_MFS, synth],
        "merged_ripple": [f'{synth} -extra-map "{RIPPLE}"'],
        "prefix": [alone],
        "ripple": [f"{alone} -run begin:fine", f'techmap -map "{RIPPLE}"', f"{alone} -run fine:"],
        OPENED: [
            # The steps of `synth`'s "fine", whose own mapping would come before ours.
            f"{alone} -run begin:fine", f'techmap -map "{LUTS}"', "simplemap t:$lut", "opt -fast -full", "memory_map",
            "opt -undriven -fine", f'techmap -map "{RIPPLE}"', "techmap", "opt -fast",
            f"abc -lut {device.lut_inputs} -script {CHOICES}", "opt_clean",
        ],
    }  # fmt: skip
    return {name: [NO_SELF_CHECK, *NO_POWER_UP, *script] for name, script in flows.items()}


FLOWS: Mapping[str, Callable[[Device, str, bool], Mapping[str, list[str]]]] = {
    "ice40": ice40,
    "ecp5": ecp5,
    "xilinx": xilinx,
    "lut": lut,
}
"""By flow name: variants (the smallest netlist is kept), each a list of Yosys commands. `flat`: dissolve the hierarchy
before optimising; otherwise a module is optimised once, however many instances it has."""
