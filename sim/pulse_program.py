"""Runs a time-multiplexed SFQ engine pulse by pulse: its program's streams in, decisions and violations out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.netlist_text import parse_netlist
from nc.sim.pulse import PulseCircuit, PulseTrace
from nc.sim.pulse_build import cell_model

Array = np.ndarray[Any, Any]
ONE = -2
"""In the stream `x`: a pulse whatever the image; -1 none; else the number of an input bit."""


@dataclass(frozen=True, eq=False)
class EngineRun:
    """`decisions` (N,), -1 where no class fired in its race; `trace` holds violations and events."""

    decisions: Array
    trace: PulseTrace
    periods: int


@dataclass(frozen=True, eq=False)
class EngineDesign:
    """An engine's circuit, the streams of its program by name, and when each port is pulsed within a period (ps)."""

    circuit: PulseCircuit
    streams: Mapping[str, Array]
    skew: Mapping[str, Array]
    win: Array
    race: tuple[int, int]
    period: float

    def run(self, bits: Array, *, period: float | None = None) -> EngineRun:
        """Images one behind the other: `bits` (N, n) of 0 and 1."""
        period = period or self.period
        nets, times = [], []
        length = len(self.streams["shift"])
        for number, image in enumerate(np.asarray(bits)):
            for name, stream in self._pulses(image).items():
                t, bit = np.nonzero(stream.reshape(length, -1))
                nets.append(self.circuit.netlist.port(name).nets[bit])
                times.append((t + number * length) * period + self.skew[name][bit])
        trace = self.circuit.run(np.concatenate(nets).astype(np.int32), np.concatenate(times))
        return EngineRun(self._decide(trace, len(bits), period), trace, length * len(bits))

    def _pulses(self, image: Array) -> dict[str, Array]:
        x = self.streams["x"]
        known = np.concatenate([image, np.ones(1, np.uint8), np.zeros(1, np.uint8)])  # [-2] one, [-1] zero
        names = ("w", "preset", "shift", "load", "clear")
        found = {name: self.streams[name] for name in names if self.streams[name].size}
        return {**found, "x": known[x], "clk": np.ones(len(x), bool)}

    def _decide(self, trace: PulseTrace, images: int, period: float) -> Array:
        """In each image's race: the earliest period in which a class fires, the lowest class of that period."""
        length = len(self.streams["shift"])
        best = np.full(images, np.iinfo(np.int64).max)
        classes = self.circuit.netlist.port("win").nets.tolist()
        for number, net in enumerate(classes):
            when = np.rint((trace.on(net) - self.win[number]) / period).astype(np.int64)
            image, at = np.divmod(when, length)
            racing = (at >= self.race[0]) & (at < self.race[1]) & (image < images)
            np.minimum.at(best, image[racing], at[racing] * len(classes) + number)
        return np.where(best < np.iinfo(np.int64).max, best % len(classes), -1)


def from_json(data: Mapping[str, Any], streams: Mapping[str, Array], file: str = "") -> EngineDesign:
    """The design in a parsed `netlist.json` of format 2, and the streams of `program.npz`."""
    if data.get("format") != 2:
        fail("NC286", f"netlist.json of an engine must have format 2, not {data.get('format')}")
    netlist = parse_netlist(data["netlist"], file)
    models = {name: cell_model(name, entry) for name, entry in data["cells"].items()}
    e = data["engine"]
    skew = {name: np.asarray(values, np.float64) for name, values in e["skew"].items()}
    race = (int(e["race"][0]), int(e["race"][1]))
    return EngineDesign(PulseCircuit(netlist, models), streams, skew, np.asarray(e["win"]), race, float(e["period"]))


def read_build(build: Path) -> EngineDesign:
    """The engine of `build`/hdl: netlist.json and program.npz."""
    data = json.loads((build / "hdl" / "netlist.json").read_text())
    with np.load(build / "hdl" / "program.npz") as stored:
        streams = {name: stored[name] for name in stored.files}
    return from_json(data, streams, "hdl/netlist.json")
