"""Event simulation of SFQ netlists: a pulse is an event, a cell a small state machine with delay and timing limits.

Time runs in ticks of 0.1 ps on a timing wheel, so that an event costs O(1) whatever the size; the inner loop is
compiled by numba. A pulse that comes too early after another one at the same cell is a violation, which names the
cell, the input, the time and the earliest legal time (after PyLSE, M. Christensen et al., PLDI 2022); the simulation
goes on, so that all of them are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nc.ir.diagnostics import Diagnostic, ToolMissing, Where, fail
from nc.ir.netlist import Ints, Longs, Netlist

TICKS = 10
"""Ticks a picosecond."""

MAX_PINS = 8
"""Most inputs or outputs of a cell."""

Reals = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class CellModel:
    """A cell's behaviour. `moves[state][input]` is (next state, outputs fired); state 0 is the first.

    `delay`: ps from a pulse to the output pulses that it fires; `limits[first, second]`: least ps from a pulse on one
    input to a pulse on another (or the same).
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    delay: float
    limits: Mapping[tuple[int, int], float]
    moves: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]


@dataclass(frozen=True)
class Violation:
    """A pulse on `pin` of `cell` at `time` ps, less than the limit after the last pulse on `other`."""

    cell: str
    kind: str
    pin: str
    time: float
    other: str
    earliest: float

    def diagnostic(self) -> Diagnostic:
        text = (
            f"pulse on '{self.pin}' must come at {self.earliest:.1f} ps or later, not at {self.time:.1f} ps "
            f"(after the last pulse on '{self.other}')"
        )
        help = "lower the clock rate or separate the pulses"
        return Diagnostic("NC811", text, Where(node=f"{self.cell} ({self.kind})"), help=help)

    def __str__(self) -> str:
        return str(self.diagnostic())


@dataclass(frozen=True, eq=False)
class PulseTrace:
    """What a run recorded: pulse k was on net `nets[k]` at `times[k]` ps, in order of time.

    `violations`: the first ones; `violation_count`: all of them. `events`: pulses processed in the whole circuit.
    """

    nets: Ints
    times: Reals
    violations: tuple[Violation, ...]
    violation_count: int
    events: int

    def on(self, net: int) -> Reals:
        found: Reals = self.times[self.nets == net]
        return found


class PulseCircuit:
    """A netlist with one reader a net, ready to run. Constant nets carry no pulses."""

    def __init__(self, netlist: Netlist, models: Mapping[str, CellModel]):
        self.netlist = netlist
        self.models = [self._model(models, kind.name) for kind in netlist.types]
        if (many := np.flatnonzero(netlist.fanout > 1)).size and (many > 1).any():
            net = int(many[many > 1][0])
            name = netlist.net_name(net)
            fail(
                "NC803",
                f"wire must be consumed exactly once, not {netlist.fanout[net]} times",
                where=Where(tensor=name),
            )
        states = max((len(m.moves) for m in self.models), default=1)
        kinds = max(len(self.models), 1)
        self.next = np.zeros((kinds, states, MAX_PINS), np.int32)
        self.fire = np.zeros((kinds, states, MAX_PINS), np.int32)
        self.limit = np.zeros((kinds, MAX_PINS, MAX_PINS), np.int64)
        self.delay = np.zeros(kinds, np.int64)
        self.n_in = np.array([len(m.inputs) for m in self.models] or [0], np.int32)
        self.n_out = np.array([len(m.outputs) for m in self.models] or [0], np.int32)
        for number, model in enumerate(self.models):
            self.delay[number] = max(1, round(model.delay * TICKS))
            for (first, second), limit in model.limits.items():
                self.limit[number, first, second] = round(limit * TICKS)
            for state, row in enumerate(model.moves):
                for pin, (following, fired) in enumerate(row):
                    self.next[number, state, pin] = following
                    self.fire[number, state, pin] = sum(1 << out for out in fired)
        self.sink_cell = np.full(netlist.n_nets, -1, np.int32)
        self.sink_pin = np.zeros(netlist.n_nets, np.int32)
        reads = netlist.input_pin
        self.sink_cell[netlist.pins[reads]] = netlist.pin_cell[reads]
        self.sink_pin[netlist.pins[reads]] = (np.arange(len(netlist.pins)) - netlist.pin_start[netlist.pin_cell])[reads]
        self.sink_cell[:2] = -1

    @staticmethod
    def _model(models: Mapping[str, CellModel], name: str) -> CellModel:
        if name not in models:
            fail("NC284", f"cell '{name}' must have a pulse model", help=f"known: {', '.join(sorted(models))}")
        return models[name]

    def run(
        self, nets: Sequence[int] | Ints, times: Sequence[float] | Reals, *, record: Sequence[int] | Ints | None = None
    ) -> PulseTrace:
        """Apply pulses (`nets`, `times` in ps, any order) and run until nothing moves.

        `record`: nets to record (default: the output ports'). A circuit that never comes to rest is an error (NC811).
        """
        order = np.argsort(np.asarray(times), kind="stable")
        when = np.rint(np.asarray(times, np.float64)[order] * TICKS).astype(np.int64)
        where = np.asarray(nets, np.int32)[order]
        wanted = np.zeros(self.netlist.n_nets, bool)
        outputs = [port.nets for port in self.netlist.outputs]
        wanted[np.concatenate(outputs) if record is None else np.asarray(record, np.int32)] = True
        wanted[:2] = False
        cells, kinds = self.netlist.n_cells, self.netlist.cell_type
        found = _kernel()(
            where, when, kinds.astype(np.int32), self.netlist.pin_start, self.netlist.pins, self.next, self.fire,
            self.limit, self.delay, self.n_in, self.n_out, self.sink_cell, self.sink_pin, wanted,
            np.zeros(cells, np.int32), np.full((cells, MAX_PINS), -(1 << 40), np.int64), 1000,
        )  # fmt: skip
        nets_out, times_out, bad, count, events, status = found
        if status:
            fail("NC811", "pulses must come to rest, but the circuit keeps producing them", help="look for a loop")
        return PulseTrace(nets_out, times_out / TICKS, tuple(map(self._violation, bad.tolist())), count, events)

    def _violation(self, row: list[int]) -> Violation:
        cell, pin, other, time, earliest = row
        model = self.models[self.netlist.cell_type[cell]]
        name = self.netlist.cell_name(cell)
        return Violation(name, model.name, model.inputs[pin], time / TICKS, model.inputs[other], earliest / TICKS)


@lru_cache(maxsize=1)
def _kernel() -> Callable[..., tuple[Ints, Longs, Longs, int, int, int]]:
    try:
        import numba
    except ImportError:
        fail("NC811", "numba must be installed to simulate pulses", help="pip install numba", kind=ToolMissing)
    compiled: Callable[..., tuple[Ints, Longs, Longs, int, int, int]] = numba.njit(cache=True)(_loop)
    return compiled


def _loop(  # type: ignore[no-untyped-def]  # compiled by numba, which infers the types
    stimulus_net, stimulus_time, kind, pin_start, pins, following, fire, limit, delay, n_in, n_out, sink_cell,
    sink_pin, wanted, state, last, max_bad,
):  # fmt: skip
    """The wheel: slot t mod size holds a list of the nets that pulse at tick t. See `PulseCircuit.run`."""
    size = 64
    while size <= delay.max() + 1:
        size *= 2
    head = np.full(size, -1, np.int32)
    tail = np.full(size, -1, np.int32)
    room = 1024
    link = np.full(room, -1, np.int32)
    event = np.zeros(room, np.int32)
    for i in range(room - 1):
        link[i] = i + 1
    free = 0
    pending = 0
    out_net = np.zeros(1024, np.int32)
    out_time = np.zeros(1024, np.int64)
    n_rec = 0
    bad = np.zeros((max_bad, 5), np.int64)
    n_bad = 0
    events = 0
    at = 0
    n_stim = len(stimulus_net)
    now = stimulus_time[0] if n_stim else 0
    limit_events = 1000 * (n_stim + 1) * max(len(kind), 1) + 1000
    while at < n_stim or pending > 0:
        if pending == 0 and stimulus_time[at] > now:
            now = stimulus_time[at]
        slot = now % size
        while True:
            if at < n_stim and stimulus_time[at] == now:
                net = stimulus_net[at]
                at += 1
            elif head[slot] >= 0:
                item = head[slot]
                net = event[item]
                head[slot] = link[item]
                if head[slot] < 0:
                    tail[slot] = -1
                link[item] = free
                free = item
                pending -= 1
            else:
                break
            events += 1
            if events > limit_events:
                return out_net[:n_rec], out_time[:n_rec], bad[: min(n_bad, max_bad)], n_bad, events, 1
            if wanted[net]:
                if n_rec == len(out_net):
                    out_net = np.concatenate((out_net, np.zeros(n_rec, np.int32)))
                    out_time = np.concatenate((out_time, np.zeros(n_rec, np.int64)))
                out_net[n_rec] = net
                out_time[n_rec] = now
                n_rec += 1
            cell = sink_cell[net]
            if cell < 0:
                continue
            pin = sink_pin[net]
            k = kind[cell]
            for other in range(n_in[k]):
                earliest = last[cell, other] + limit[k, other, pin]
                if now < earliest:
                    if n_bad < max_bad:
                        bad[n_bad, 0] = cell
                        bad[n_bad, 1] = pin
                        bad[n_bad, 2] = other
                        bad[n_bad, 3] = now
                        bad[n_bad, 4] = earliest
                    n_bad += 1
            last[cell, pin] = now
            fired = fire[k, state[cell], pin]
            state[cell] = following[k, state[cell], pin]
            for out in range(n_out[k]):
                if fired >> out & 1:
                    if free < 0:
                        link = np.concatenate((link, np.full(room, -1, np.int32)))
                        event = np.concatenate((event, np.zeros(room, np.int32)))
                        for i in range(room, 2 * room - 1):
                            link[i] = i + 1
                        free = room
                        room *= 2
                    item = free
                    free = link[item]
                    event[item] = pins[pin_start[cell] + n_in[k] + out]
                    link[item] = -1
                    due = (now + delay[k]) % size
                    if tail[due] >= 0:
                        link[tail[due]] = item
                    else:
                        head[due] = item
                    tail[due] = item
                    pending += 1
        now += 1
    return out_net[:n_rec], out_time[:n_rec], bad[: min(n_bad, max_bad)], n_bad, events, 0
