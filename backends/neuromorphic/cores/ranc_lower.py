"""Integer spiking networks onto RANC cores: weights split into bits over axon types, neurons copied for fan-out.

A weight of b <= 4 bits is the sum of its two's-complement bits, so a source takes one axon a bit and every neuron's
four weights are 1, 2, 4, -8 (the last one negative). A RANC neuron has one destination: one that feeds k axons is
placed k times with the same connections, which splits its spike without adding a tick as a relay would.

A hop takes at least one tick, so populations run late by as many ticks as lie before them; a loop must have a tick of
delay for each of its hops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.backends.neuromorphic.cores.ranc import AXONS, BITS, NEURONS, TICKS, TYPES, RancCore, RancGrid, run
from nc.ir.diagnostics import Collector, Where
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation

Source = tuple[str, int]
"""Population and neuron (or input)."""
AxonKey = tuple[Source, int, int]
"""Source, bit of the weight, delay in ticks."""


@dataclass
class _Piece:
    """Neurons of one population that share a core: their axons, and how often each neuron is placed."""

    population: FixedPopulation
    members: IntArray
    axons: dict[AxonKey, int]
    synapses: dict[int, list[AxonKey]]


def lower(network: FixedNetwork, *, width: int = 16) -> RancGrid:
    """Raises NC930 and NC931 with every obstacle at once."""
    found = Collector()
    if network.semantics != "sum_then_fire":
        found.error("NC931", f"semantics must be sum_then_fire on RANC, not {network.semantics}")
    for p in network.populations:
        _check_population(p, found)
    found.raise_if_any()
    bits = _weight_bits(network, found)
    lag = _lags(network, found)
    found.raise_if_any()
    for p in network.populations:
        early = p.array("v_init") - lag[p.name] * (p.array("bias") + p.array("bias_in"))
        if p.kind != "input" and (np.maximum(early, p.array("v_init")) >= p.array("threshold")).any():
            found.error(
                "NC931", "neurons would fire from their leak before their first input", where=Where(node=p.name)
            )
    pieces = _settle(network, bits, lag, found)
    found.raise_if_any()
    grid = _place(network, pieces, lag, bits, width)
    found.extend(grid.check())
    found.raise_if_any()
    return grid


def _check_population(p: FixedPopulation, found: Collector) -> None:
    where = Where(node=p.name)
    if p.kind == "input":
        if p.output_range != (0, 1):
            found.error("NC931", "inputs of RANC must be spikes", where=where)
        return
    if p.rectify:
        found.error("NC931", "RANC has no membrane rectifier", where=where)
    if p.kind != "neuron" or p.has_current or not p.fires or p.refractory or p.spike_delay:
        found.error(
            "NC931", "RANC's neurons must fire, with a single state, neither refractory nor delayed", where=where
        )
        return
    if (p.array("decay_mem") != 1 << p.decay_bits).any():
        found.error("NC931", "RANC's leak must be constant, not proportional", where=where)
    if p.state_bits != BITS or p.overflow != "wrap":
        found.error(
            "NC931",
            f"state must wrap at {BITS} bits on RANC, not {p.overflow} at {p.state_bits}",
            where=where,
            help="quantise with state_bits = 9 and overflow = wrap",
        )
    if p.reset == "none" or (p.reset == "subtract" and (p.array("reset_by") != p.array("threshold")).any()):
        found.error("NC931", "RANC resets to a value, or subtracts the threshold itself", where=where)


def _weight_bits(network: FixedNetwork, found: Collector) -> int:
    widest = 1
    for q in network.projections:
        w = q.connectivity.synapses.weight << q.shift
        need = max(int(w.max(initial=0)).bit_length() + 1, int(-w.min(initial=0) - 1).bit_length() + 1)
        if need > TYPES:
            found.error("NC930", f"weights must fit {TYPES} bits, not {need}", where=Where(node=q.name))
        widest = max(widest, min(need, TYPES))
    return widest


def _lags(network: FixedNetwork, found: Collector) -> dict[str, int]:
    """Ticks by which each population is late, so that every hop takes at least one. Inputs are injected on time."""
    lag = {p.name: 0 for p in network.populations}
    inputs = {p.name for p in network.inputs}
    edges = [(q.source, q.target, int(d) + q.delay) for q in network.projections if q.source not in inputs
             for d in np.unique(q.connectivity.synapses.delay)]  # fmt: skip
    for _ in range(len(lag) + 1):
        late = [(s, t, lag[s] + 1 - d) for s, t, d in edges if lag[t] < lag[s] + 1 - d]
        if not late:
            return lag
        for _, t, need in late:
            lag[t] = max(lag[t], need)
    found.error("NC931", f"every loop must have a tick of delay a hop on RANC, as that through {late[0][1]} has not",
                help="raise the delay of the recurrent projections")  # fmt: skip
    return lag


def _settle(network: FixedNetwork, bits: int, lag: dict[str, int], found: Collector) -> list[_Piece]:
    """Cut populations into pieces until the copies that the pieces need fit into them."""
    size = {p.name: NEURONS for p in network.populations}
    while True:
        pieces = [piece for p in network.order if p.kind != "input" for piece in _cut(network, p, size[p.name], bits)]
        for piece in pieces:
            if len(piece.axons) > AXONS:
                over = len(piece.axons)
                message = f"axons of '{piece.population.name}' must be at most {AXONS} a core, not {over}"
                if len(piece.members) == 1:
                    found.error("NC930", f"{message}, even for a single neuron")
                    return pieces
                size[piece.population.name] = max(1, len(piece.members) // 2)
        copies = _copies(pieces)
        over_full = [p for p in pieces if sum(copies.get((p.population.name, int(n)), 1) for n in p.members) > NEURONS]
        if not over_full and all(len(p.axons) <= AXONS for p in pieces):
            return pieces
        for piece in over_full:
            if len(piece.members) == 1:
                need = copies[piece.population.name, int(piece.members[0])]
                found.error("NC930", f"fan-out of a neuron must be at most {NEURONS} axons, not {need}",
                            where=Where(node=piece.population.name))  # fmt: skip
                return pieces
            size[piece.population.name] = min(size[piece.population.name], max(1, len(piece.members) // 2))


def _copies(pieces: list[_Piece]) -> dict[Source, int]:
    """How many axons each source feeds."""
    count: dict[Source, int] = {}
    for piece in pieces:
        for source, _, _ in piece.axons:
            count[source] = count.get(source, 0) + 1
    return count


def _cut(network: FixedNetwork, p: FixedPopulation, size: int, bits: int) -> list[_Piece]:
    incoming: dict[int, list[AxonKey]] = {n: [] for n in range(p.size)}
    for q in network.projections:
        if q.target != p.name:
            continue
        s = q.connectivity.synapses
        for pre, post, w, d in zip(s.pre.tolist(), s.post.tolist(), (s.weight << q.shift).tolist(), s.delay.tolist()):
            for bit in range(bits):
                if w >> bit & 1:
                    incoming[post].append(((q.source, pre), bit, d + q.delay))
    pieces = []
    for start in range(0, p.size, size):
        members = np.arange(start, min(start + size, p.size))
        keys = dict.fromkeys(k for n in members.tolist() for k in incoming[n])
        axons = {k: a for a, k in enumerate(sorted(keys))}
        pieces.append(_Piece(p, members, axons, {n: incoming[n] for n in members.tolist()}))
    return pieces


def _place(network: FixedNetwork, pieces: list[_Piece], lag: dict[str, int], bits: int, width: int) -> RancGrid:
    places = [(k % width, k // width) for k in range(len(pieces))]
    targets: dict[Source, list[tuple[tuple[int, int], int, int]]] = {}
    inputs = {p.name for p in network.inputs}
    late: dict[Source, list[tuple[int, int, int, int]]] = {}
    for piece, at in zip(pieces, places):
        for (source, _, delay), axon in piece.axons.items():
            hop = delay + lag[piece.population.name] - lag[source[0]]
            if source[0] in inputs:
                late.setdefault(source, []).append((*at, axon, hop))
            else:
                targets.setdefault(source, []).append((at, axon, hop - 1))
    height = places[-1][1] + 1
    cores = {}
    outputs: dict[Source, tuple[int, int, int, int]] = {}
    basis = [1 << k for k in range(bits)]
    basis[-1] = -basis[-1]
    for piece, at in zip(pieces, places):
        p = piece.population
        rows: list[tuple[int, tuple[int, int, int, int]]] = []
        for n in piece.members.tolist():
            # A neuron that feeds no core leaves the grid to the east of it.
            ends = targets.get((p.name, n), [((width, at[1]), n % AXONS, 0)])
            outputs[p.name, n] = (*at, len(rows), lag[p.name])
            rows += [(n, (x - at[0], y - at[1], axon, hop)) for (x, y), axon, hop in ends]
        owner = np.array([n for n, _ in rows])
        connections = np.zeros((len(rows), len(piece.axons)), np.int64)
        for row, n in enumerate(owner.tolist()):
            connections[row, [piece.axons[k] for k in piece.synapses[n]]] = 1
        types = np.array([bit for _, bit, _ in piece.axons], np.int64)
        subtract = p.reset == "subtract"
        leak = p.array("bias") + p.array("bias_in")
        fields = {f"w{k}": np.full(len(rows), basis[k] if k < bits else 0) for k in range(TYPES)}
        fields |= {
            # A late population leaks before its first input arrives: start as much lower.
            "potential": (p.array("v_init") - lag[p.name] * leak)[owner],
            "reset_potential": p.array("reset_to")[owner],
            "leak": leak[owner],
            "positive": p.array("threshold")[owner],
            "negative": np.full(len(rows), -(1 << (BITS - 1))),  # never reached: the state wraps there
        }
        dx, dy, axon, delay = np.array([d for _, d in rows], np.int64).T
        cores[at] = RancCore(connections, types, fields, np.full(len(rows), int(subtract)), dx, dy, axon, delay)
    inject = [tuple(late.get((p.name, k), ())) for p in network.inputs for k in range(p.size)]
    watched = [outputs[name, n] for name in network.outputs for n in range(network.by_name[name].size)]
    return RancGrid(width, height, cores, inject, watched)


def simulate(grid: RancGrid, inputs: IntArray) -> IntArray:
    """The outputs of the golden model, brought back on time: inputs (T, n) to (T, outputs)."""
    longest = max((t for *_, t in grid.outputs), default=0)
    spikes: dict[int, list[tuple[int, int, int]]] = {}
    for t, k in np.argwhere(inputs).tolist():
        for x, y, axon, hop in grid.inputs[k]:
            spikes.setdefault(t + hop, []).append((x, y, axon))
    ticks = len(inputs) + longest
    fired = run(grid, ticks + TICKS, spikes)
    return np.stack([fired[x, y][late : late + len(inputs), n] for x, y, n, late in grid.outputs], axis=1)
