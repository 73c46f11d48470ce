"""The pulse plot of an SFQ build: its clock, inputs and outputs while the first test vectors pass."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nc.compiler.report import drawing

Bits = NDArray[np.uint8]
WAVES, WIRES = 4, 6


def pulse_plot(build: Path) -> list[tuple[str, str]]:
    """(title, drawing) of an unrolled SFQ build, nothing for other builds. The simulator runs `WAVES` vectors."""
    path, vectors = build / "hdl" / "netlist.json", build / "tb" / "vectors.npz"
    if not vectors.is_file() or not path.is_file() or json.loads(path.read_text()).get("format") != 1:
        return []
    from nc.sim.pulse_build import read_build
    from nc.sim.pulse_waves import run_waves

    design = read_build(build)
    netlist, clocking = design.circuit.netlist, design.clocking
    inputs = _first_vectors(vectors)
    data = [port for port in netlist.inputs if port.name in inputs]
    wires = {f"clock {p}": int(netlist.port(p).nets[0]) for p in clocking.ports}
    wires |= {f"{p.name}[{i}]": int(p.nets[i]) for p in data for i in _lively(inputs[p.name])}
    wires |= {f"{p.name}[{i}]": net for p in netlist.outputs for i, net in enumerate(p.nets[:WIRES].tolist())}
    record = np.array(sorted(n for n in wires.values() if n > 1), np.int32)
    result = run_waves(design.circuit, inputs, clocking, design.period, record=record)
    rows = [(name, result.trace.on(net).tolist()) for name, net in wires.items()]
    title = f"Pulses of {WAVES} vectors, one a period of {design.period:g} ps, through {clocking.depth} stages"
    return [(title, drawing.pulses(rows, design.period))]


def _first_vectors(path: Path) -> dict[str, Bits]:
    """The first vectors of the bench, (N, width) bits by port."""
    with np.load(path, allow_pickle=False) as stored:
        return {name.removeprefix("in."): stored[name][:WAVES] for name in stored.files if name.startswith("in.")}


def _lively(bits: Bits) -> list[int]:
    """The wires with the most pulses."""
    order = np.argsort(-bits.sum(axis=0, dtype=np.int64), kind="stable")[:WIRES]
    return sorted(int(i) for i in order)
