"""The synthesised netlist against the word graph: the vendor cells' own models as gates, evaluated bit-parallel.

Yosys dissolves the mapped netlist into its internal gates with the simulation models of the device family; what
comes out is clocked from reset with one vector a lane, through the same stream ports that hardware has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nc.backends.fpga.design import Design
from nc.backends.synth.flows import LOOKUP
from nc.backends.synth.yosys import quoted, run_yosys
from nc.ir.netlist import Netlist
from nc.ir.netlist_eval import simulate
from nc.ir.stream import IntArray, StreamSpec, pack, unpack

Bits = np.ndarray[Any, np.dtype[np.uint8]]

MODELS: Mapping[str, Sequence[str]] = {
    "xilinx": ("read_verilog -sv -defer +/xilinx/cells_sim.v",),
    "ice40": ("read_verilog -sv -defer -D ICE40_HX +/ice40/cells_sim.v",),
    "ecp5": ("read_verilog -sv -defer -D NO_INCLUDES +/lattice/cells_sim_ecp5.v",),
    "lut": ("read_verilog -sv -defer +/xilinx/cells_sim.v",),
}
"""Yosys' commands that read the models of a flow's cells: deferred, or its large memories take a minute to unfold."""


def gates(netlist: Path, flow: str, folder: Path, top: str = "top", library: Path | None = None) -> Netlist:
    """A mapped netlist (Verilog) as Yosys' internal gates; `library`: of its cells, where they are a Liberty file's.

    Raises ToolFailed.
    """
    from nc.compiler.frontends.yosys_json import read_yosys_json

    commands = [
        *(MODELS[flow] if library is None else [f"read_liberty -setattr liberty_cell {quoted(library)}"]),
        f"read_verilog {quoted(netlist)}",
        f"hierarchy -check -top {top}",
        "proc",
        "flatten",
        "opt_expr",  # no more: the full optimiser takes minutes on a vendor's cells, and only evaluation follows
        *(["wreduce t:$shr", f"techmap -map {quoted(LOOKUP)}", "bmuxmap"] if flow == "lut" else []),
        "techmap",
        "simplemap",
        "opt_expr",
        "opt_merge",
        "opt_clean -purge",
        "setundef -zero -undriven",
        "write_json gates.json",
    ]
    run_yosys(commands, folder, "gates")
    return read_yosys_json(folder / "gates.json", top=top)


def compare(
    netlist: Netlist, design: Design, inputs: Sequence[IntArray], expected: Sequence[IntArray], length: int = 1
) -> int:
    """How many vectors differ in any element; `length`: of the sequences that they form, each behind a reset."""
    got = run(netlist, design.spec, inputs, length)
    wrong = np.zeros(len(inputs[0]), bool)
    for a, b in zip(got, expected, strict=True):
        wrong |= (a != b).reshape(len(a), -1).any(axis=1)
    return int(wrong.sum())


def run(netlist: Netlist, spec: StreamSpec, inputs: Sequence[IntArray], length: int = 1) -> list[IntArray]:
    """What comes out of the stream for each vector; every `length` vectors follow one another after a reset."""
    words = pack(inputs, spec.inputs, spec.s_width)
    lanes = len(words) // length
    data = np.unpackbits(words, axis=2, bitorder="little")[:, :, : spec.s_width]
    data = data.reshape(lanes, length, spec.s_beats, spec.s_width)
    period = max(spec.ii or 1, spec.s_beats + (spec.latency or 0) + spec.m_beats + 2)  # one vector has left by then
    start, cycles = 3, 3 + length * period
    given: dict[str, Bits] = {name: np.zeros((cycles, lanes, 1), np.uint8) for name in ("rst", "s_tvalid", "s_tlast")}
    given["m_tready"] = np.ones((cycles, lanes, 1), np.uint8)
    given["s_tdata"] = np.zeros((cycles, lanes, spec.s_width), np.uint8)
    given["rst"][: start - 1] = 1
    for number in range(length):
        for beat in range(spec.s_beats):
            at = start + number * period + beat
            given["s_tdata"][at] = data[:, number, beat]
            given["s_tvalid"][at] = 1
            given["s_tlast"][at] = beat == spec.s_beats - 1
    present = {port.name for port in netlist.inputs}
    found = simulate(netlist, {name: bits for name, bits in given.items() if name in present})
    valid = found["m_tvalid"][start:, :, 0].astype(bool)
    count = length * spec.m_beats
    beats = []
    for lane in range(lanes):
        chosen = np.flatnonzero(valid[:, lane])[:count]
        row = np.zeros((count, spec.m_width), np.uint8)
        row[: len(chosen)] = found["m_tdata"][start + chosen, lane]
        beats.append(row.reshape(length, spec.m_beats, spec.m_width))
    return unpack(np.packbits(np.concatenate(beats), axis=2, bitorder="little"), spec.outputs, spec.m_width)
