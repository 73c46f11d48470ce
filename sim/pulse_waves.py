"""Drives a clocked SFQ netlist wave by wave at a clock period and reads its outputs as bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.netlist import Ints
from nc.sim.pulse import PulseCircuit, PulseTrace, Reals

Bits = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Clocking:
    """How a balanced netlist is clocked; times in ps.

    `ports`: clock port of each phase; `insertion[i]`: root to deepest leaf of phase i's tree; `skew`: how much earlier
    the shallowest leaf of a tree is clocked; `launch`: clock to output of the cell that drives an input; inputs are
    data of stage 0, outputs are read at stage `depth` + 1.
    """

    ports: tuple[str, ...]
    insertion: tuple[float, ...]
    skew: float
    depth: int
    launch: float = 5.0

    @property
    def phases(self) -> int:
        return len(self.ports)


@dataclass(frozen=True, eq=False)
class WaveResult:
    """`outputs[port]` (N, width) bits; `extra`: output pulses in a window that already had one."""

    outputs: Mapping[str, Bits]
    trace: PulseTrace
    extra: int
    periods: int


def run_waves(
    circuit: PulseCircuit,
    inputs: Mapping[str, Bits],
    clocking: Clocking,
    period: float,
    *,
    record: Ints | None = None,
    jitter: Reals | None = None,
) -> WaveResult:
    """One input vector (N, width) a clock period, N waves in flight one behind the other.

    Leaves of phase p fire at m * period + p / k * period (plus the deepest insertion delay); the pulses of input wave v
    come as from a cell of stage 0 in period v. `jitter` (N,) ps is added to each wave's input pulses.
    """
    netlist, k = circuit.netlist, clocking.phases
    data = [port for port in netlist.inputs if port.name not in clocking.ports]
    if missing := [port.name for port in data if port.name not in inputs]:
        fail("NC285", f"inputs of netlist '{netlist.name}' must include {', '.join(missing)}")
    n = len(inputs[data[0].name]) if data else 1
    base = max(clocking.insertion, default=0.0)
    periods = n + -(-clocking.depth // k) + 1
    nets, times = [], []
    for phase, (name, insertion) in enumerate(zip(clocking.ports, clocking.insertion)):
        ticks = (np.arange(periods) + phase / k) * period + base - insertion
        nets.append(np.full(periods, netlist.port(name).nets[0], np.int32))
        times.append(ticks)
    for port in data:
        bits = np.asarray(inputs[port.name])
        if bits.shape != (n, port.width):
            fail("NC285", f"input '{port.name}' must have shape ({n}, {port.width}), not {bits.shape}")
        wave, bit = np.nonzero(bits)
        nets.append(port.nets[bit].astype(np.int32))
        shift = jitter[wave] if jitter is not None else 0.0
        times.append(wave * period + base + clocking.launch + shift)
    outputs = np.concatenate([port.nets for port in netlist.outputs])
    watched = outputs if record is None else np.union1d(outputs, record).astype(np.int32)
    trace = circuit.run(np.concatenate(nets), np.concatenate(times), record=watched[watched > 1])
    first = (clocking.depth + 1 - k) / k * period + base - clocking.skew
    found, extra = {}, 0
    for port in netlist.outputs:
        bits = np.zeros((n, port.width), np.uint8)
        for i, net in enumerate(port.nets.tolist()):
            if net < 2:
                bits[:, i] = net
                continue
            wave = np.floor((trace.on(net) - first) / period).astype(np.int64)
            counts = np.bincount(wave[(wave >= 0) & (wave < n)], minlength=n)
            bits[:, i] = counts > 0
            extra += int((counts > 1).sum())
        found[port.name] = bits
    return WaveResult(found, trace, extra, periods)
