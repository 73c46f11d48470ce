"""RANC: a grid of TrueNorth-like cores of 256 axons and 256 neurons in 9-bit wrapping integers; golden model and files.

Each axon has one of four types; a neuron has one weight a type and a bit an axon. One tick of a core:

    v += sum of the weights of connected axons that carry a spike;  v += leak
    v >= positive threshold: spike, v = reset potential (mode 0) or v -= positive threshold (mode 1)
    else v < negative threshold: v = -reset potential (mode 0) or v -= negative threshold (mode 1)

A neuron has a single destination (core offset, axon, delay d): the spike is seen d + 1 ticks later. Spikes that meet
on an axon in one tick become one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nc.ir.diagnostics import Collector, Diagnostic, Where
from nc.ir.spiking.connect import IntArray

AXONS, NEURONS, TYPES, BITS, TICKS = 256, 256, 4, 9, 16
WORD_BITS = 368
FIELDS = ("potential", "reset_potential", "w0", "w1", "w2", "w3", "leak", "positive", "negative")
UNUSED_THRESHOLD = 255
"""What neurons without a use are given: left at 0 they would fire in the first tick."""


@dataclass(frozen=True)
class RancCore:
    """One core: connections (neurons, axons) bits; axon_type (axons,); `fields[name]` (neurons,) of `FIELDS`.

    `mode` (neurons,) reset mode; dx, dy, axon, delay: destination of each neuron.
    """

    connections: IntArray
    axon_type: IntArray
    fields: Mapping[str, IntArray]
    mode: IntArray
    dx: IntArray
    dy: IntArray
    axon: IntArray
    delay: IntArray

    @property
    def neurons(self) -> int:
        return len(self.mode)

    def words(self) -> list[str]:
        """The CSRAM, one binary word a line, most significant bit first; unused neurons are kept silent."""
        lines = []
        for n in range(NEURONS):
            used = n < self.neurons
            row = np.zeros(AXONS, np.int64)
            if used:
                row[: self.connections.shape[1]] = self.connections[n]
            silent = {"positive": UNUSED_THRESHOLD, "negative": -UNUSED_THRESHOLD - 1}
            values = [int(self.fields[f][n]) if used else silent.get(f, 0) for f in FIELDS]
            tail = [(self.mode, 1), (self.dx, 9), (self.dy, 9), (self.axon, 8), (self.delay, 4)]
            bits = "".join(str(b) for b in row[::-1].tolist())
            bits += "".join(_binary(v, BITS) for v in values)
            bits += "".join(_binary(int(a[n]) if used else 0, w) for a, w in tail)
            lines.append(bits)
        return lines

    def check(self, name: str) -> list[Diagnostic]:
        """Every limit that this core exceeds."""
        found = Collector()
        where = Where(node=name)
        for what, have, limit in (("axons", self.connections.shape[1], AXONS), ("neurons", self.neurons, NEURONS)):
            if have > limit:
                found.error("NC930", f"{what} of a RANC core must be at most {limit}, not {have}", where=where)
        half = 1 << (BITS - 1)
        for f in FIELDS:
            v = self.fields[f]
            if v.size and (v.min() < -half or v.max() >= half):
                found.error("NC930", f"{f} must fit {BITS} bits, not reach {np.abs(v).max()}", where=where)
        if self.delay.size and (self.delay.min() < 0 or self.delay.max() >= TICKS - 1):
            found.error("NC930", f"delays must be 1 to {TICKS - 1} ticks, not {self.delay.max() + 1}", where=where)
        return found.diagnostics


@dataclass(frozen=True)
class RancGrid:
    """Cores by (x, y) on a grid `width` wide; destinations off the grid leave it as outputs.

    `inputs[k]`: (x, y, axon, ticks) places at which the k-th input's spike is to be injected, so many ticks late.
    `outputs`: (x, y, neuron, ticks) by observed neuron: its spike of tick t appears at t + ticks.
    """

    width: int
    height: int
    cores: Mapping[tuple[int, int], RancCore]
    inputs: Sequence[Sequence[tuple[int, int, int, int]]] = field(default_factory=tuple)
    outputs: Sequence[tuple[int, int, int, int]] = field(default_factory=tuple)

    def check(self) -> list[Diagnostic]:
        return [d for (x, y), core in sorted(self.cores.items()) for d in core.check(f"core ({x}, {y})")]

    def write(self, folder: Path) -> None:
        """`csram_NNN.mem` and `tc_NNN.mem` with NNN = x + y · width, as `$readmemb` takes them."""
        folder.mkdir(parents=True, exist_ok=True)
        for (x, y), core in sorted(self.cores.items()):
            number = f"{x + y * self.width:03d}"
            types = np.zeros(AXONS, np.int64)
            types[: len(core.axon_type)] = core.axon_type
            (folder / f"csram_{number}.mem").write_text("\n".join(core.words()) + "\n")
            (folder / f"tc_{number}.mem").write_text("\n".join(_binary(int(t), 2) for t in types) + "\n")


def packet(dx: int, dy: int, axon: int, tick: int) -> int:
    """The 30-bit packet {dx 9, dy 9, axon 8, tick 4}."""
    return (dx & 0x1FF) << 21 | (dy & 0x1FF) << 12 | axon << 4 | tick


def run(
    grid: RancGrid, ticks: int, spikes: Mapping[int, Sequence[tuple[int, int, int]]]
) -> dict[tuple[int, int], IntArray]:
    """The golden model. spikes[t]: (x, y, axon) that are set in tick t. For each core (ticks, neurons) bits."""
    ring = {at: np.zeros((ticks + TICKS + 1, core.connections.shape[1]), bool) for at, core in grid.cores.items()}
    for t, places in spikes.items():
        for x, y, axon in places:
            ring[x, y][t, axon] = True
    v = {at: wrap(core.fields["potential"]) for at, core in grid.cores.items()}
    out = {at: np.zeros((ticks, core.neurons), np.int64) for at, core in grid.cores.items()}
    for t in range(ticks):
        for at, core in grid.cores.items():
            fired, v[at] = step(core, v[at], ring[at][t])
            out[at][t] = fired
            for n in np.flatnonzero(fired):
                target = (at[0] + int(core.dx[n]), at[1] + int(core.dy[n]))
                if target in ring:
                    ring[target][t + 1 + int(core.delay[n]), core.axon[n]] = True
    return out


def step(core: RancCore, v: IntArray, axons: IntArray) -> tuple[IntArray, IntArray]:
    """One tick of one core: (spikes, new potentials)."""
    f = core.fields
    weights = np.stack([f["w0"], f["w1"], f["w2"], f["w3"]])
    for kind in range(TYPES):
        active = axons & (core.axon_type == kind)
        v = v + weights[kind] * core.connections[:, active].sum(axis=1)
    v = wrap(wrap(v) + f["leak"])
    fired = v >= f["positive"]
    low = ~fired & (v < f["negative"])
    linear = core.mode == 1
    high_reset = np.where(linear, wrap(v - f["positive"]), f["reset_potential"])
    low_reset = np.where(linear, wrap(v - f["negative"]), wrap(-f["reset_potential"]))
    return fired.astype(np.int64), np.where(fired, high_reset, np.where(low, low_reset, v))


def wrap(value: IntArray) -> IntArray:
    """Two's complement of 9 bits."""
    half = 1 << (BITS - 1)
    return ((np.asarray(value) + half) & (2 * half - 1)) - half


def _binary(value: int, bits: int) -> str:
    return format(value & ((1 << bits) - 1), f"0{bits}b")
