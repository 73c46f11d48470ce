"""When each port of the engine must be pulsed within a clock period, and how short the period may be.

All pulses of a column lag its first XOR's clock by fixed times, whatever the data; `wave` is that lag at every stage of
the counter. Ports are driven so that everything that belongs to a period meets its wave:
data 20 ps before the XORs' clock, presets on the wave, clear and load in the middle between two waves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.backends.sfq.engine.structure import Engine
from nc.ir.netlist import Netlist

Reals = np.ndarray[Any, np.dtype[np.float64]]

EARLY = 20.0
"""ps that data come before the XORs' clock."""


@dataclass(frozen=True)
class Timing:
    """ps. `skew[port]`: for each bit, when in period t (from t * period) its pulses start; `win`: when a class's pulse
    leaves. `gap`: periods from a load to the first shift. `latency`: from the first clock to the last overflow."""

    period: float
    skew: dict[str, tuple[float, ...]]
    win: tuple[float, ...]
    gap: int
    latency: float


class _Delays:
    """Delays from a net forwards through all that is not clocked, and through a T1 from t to its carry."""

    def __init__(self, engine: Engine):
        self.engine, self.netlist = engine, engine.netlist
        netlist: Netlist = engine.netlist
        self.sink = np.full(netlist.n_nets, -1, np.int64)
        reads = netlist.input_pin
        self.sink[netlist.pins[reads]] = netlist.pin_cell[reads]

    def to(self, net: int, goals: set[int]) -> dict[int, float]:
        """ps from a pulse on `net` to its arrival at each of the cells `goals` that it reaches first."""
        found: dict[int, float] = {}
        stack = [(net, 0.0)]
        while stack:
            net, at = stack.pop()
            cell = int(self.sink[net])
            if cell < 0:
                continue
            if cell in goals:
                found[cell] = at
                continue
            kind = self.engine.library[self.netlist.type_of(cell).name]
            outputs = self.netlist.outputs_of(cell).tolist()
            if kind.name == "T1":
                outputs = outputs[1:] if self.netlist.inputs_of(cell).tolist()[0] == net else []
            elif kind.clocked:
                continue
            stack += [(out, at + kind.data.delay) for out in outputs]
        return found

    def out(self, cell: int, output: int = 0) -> tuple[int, float]:
        """A cell's output net, and its delay."""
        kind = self.engine.library[self.netlist.type_of(cell).name]
        return int(self.netlist.outputs_of(cell)[output]), kind.data.delay


def timing(engine: Engine, period: float | None = None) -> Timing:
    """Skews and the shortest period (rounded up to 0.5 ps), or those of a longer `period`."""
    s, library, delays = engine.shape, engine.library, _Delays(engine)
    port = {p.name: p.nets.tolist() for p in engine.netlist.inputs}
    xors, counters, latches = (set(a.ravel().tolist()) for a in (engine.xor, engine.counter, engine.latch))
    clock = delays.to(port["clk"][0], xors)
    at = np.array([[clock[c] for c in row] for row in engine.xor.tolist()])
    lane_span = float((at - at[:, :1]).max())
    wave = _wave(engine, delays, at[:, 0], counters | latches)
    t1, latch = library["T1"], library.role("buffer")
    behind = (lane_span + t1.limit("t", "clk") - t1.limit("clk", "t")) / 2  # as far from the last pulse as to the next
    skew: dict[str, tuple[float, ...]] = {"clk": (0.0,)}
    streams = [delays.to(net, xors) for net in port["x"]]
    skew["x"] = tuple(at[0, k] - EARLY - reached[int(engine.xor[0, k])] for k, reached in enumerate(streams))
    cells = engine.xor.ravel().tolist()
    skew["w"] = tuple(t - EARLY - delays.to(net, xors)[c] for net, c, t in zip(port["w"], cells, at.ravel().tolist()))
    lines = [engine.counter[n, stage] for n in range(s.columns) for stage in s.preset_stages]
    wanted = [wave[n, stage] for n in range(s.columns) for stage in s.preset_stages]
    skew["preset"] = tuple(
        t - delays.to(net, counters)[int(c)] for net, c, t in zip(port.get("preset", ()), lines, wanted)
    )
    cleared = delays.to(port["clear"][0], counters)
    skew["clear"] = (wave[0, 0] + behind - cleared[int(engine.counter[0, 0])],)
    loaded = delays.to(port["load"][0], latches)
    skew["load"] = (wave[0, -1] + behind - loaded[int(engine.latch[0])],)
    tails = set(engine.tail.tolist())
    shifted = delays.to(port["shift"][0], tails)
    need = []
    for k, tail in enumerate(engine.tail.tolist()):
        net, delay = delays.out(tail)
        need.append(at[0, k] - EARLY - delays.to(net, xors)[int(engine.xor[0, k])] - delay - shifted[tail])
    skew["shift"] = (float(np.mean(need)),)
    least = lane_span + max(engine.spacing, t1.limit("t", "clk") + t1.limit("clk", "t") + 8.0 - lane_span)
    least = max(least, lane_span + engine.spacing, t1.limit("clk", "clk"), EARLY + 5.0)
    step = math.ceil(2 * least) / 2 if period is None else period
    depth_delay = latch.data.delay + 4 * library.role("merger").data.delay  # into the register, with wires
    late = skew["load"][0] + max(loaded.values()) + depth_delay
    early = skew["shift"][0] + min(shifted.values()) - lane_span
    base = -min(value for values in skew.values() for value in values)
    wins = []
    for n in range(s.classes):
        net, delay = delays.out(int(engine.counter[n, -1]), 1)
        wins.append(base + wave[n, s.stages - 1] + delay + _leaves(engine, delays, net))
    moved = {name: tuple(round(value + base, 3) for value in values) for name, values in skew.items()}
    gap = 1 + max(1, math.ceil((late - early) / step))
    return Timing(step, moved, tuple(wins), gap, float(wave.max()))


def _wave(engine: Engine, delays: _Delays, clock: Reals, goals: set[int]) -> Reals:
    """(N, stages + 1): when a count of lane 0 reaches each counter cell of its column, and at last the latch."""
    found = np.zeros((engine.shape.columns, engine.shape.stages + 1))
    for n in range(engine.shape.columns):
        net, delay = delays.out(int(engine.xor[n, 0]))
        at = clock[n] + delay
        for stage, cell in enumerate([*engine.counter[n].tolist(), int(engine.latch[n])]):
            at += delays.to(net, goals)[cell]
            found[n, stage] = at
            if stage < engine.shape.stages:
                net, delay = delays.out(cell, 1)
                at += delay
    return found


def _leaves(engine: Engine, delays: _Delays, net: int) -> float:
    """From a class column's last carry to its output port."""
    (splitter,) = [int(delays.sink[net])]
    kind = engine.library[engine.netlist.type_of(splitter).name]
    out = int(engine.netlist.outputs_of(splitter)[1])
    driver = engine.library[engine.netlist.type_of(int(delays.sink[out])).name]
    return kind.data.delay + driver.data.delay
