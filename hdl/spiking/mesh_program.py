"""A network cut onto a mesh: one core program a cell, and the tables that say where each spike goes.

A tick has as many phases as there are levels of populations joined by projections of delay 0. In a phase every core
updates its neurons of that level; the next begins when all spikes have arrived. So a mesh computes what one core does,
however the neurons are spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nc.hdl.spiking.program import NO_SLOT, CoreProgram, Part, assemble, unsupported
from nc.ir.diagnostics import Collector
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation

Cell = tuple[int, int]


@dataclass(frozen=True)
class Routes:
    """Struct of arrays grouped by source: source s sends to entries `first[s] : first[s + 1]`, each (x, y, axon)."""

    first: IntArray
    x: IntArray
    y: IntArray
    axon: IntArray


@dataclass(frozen=True)
class MeshProgram:
    """`cores` by cell; `routes` of each core's neurons; `input_routes` of the network's inputs.

    `output_slot[cell]` (observed neurons of the core,): their places in the output frame. `inputs`, `outputs`: sizes
    of frames; `emits_values`: whether an observed neuron emits its membrane.
    """

    width: int
    height: int
    cores: Mapping[Cell, CoreProgram]
    routes: Mapping[Cell, Routes]
    input_routes: Routes
    output_slot: Mapping[Cell, IntArray]
    inputs: int
    outputs: int
    phases: int
    emits_values: bool

    @property
    def axons(self) -> int:
        return max(p.axons for p in self.cores.values())

    @property
    def state_bits(self) -> int:
        return max(p.state_bits for p in self.cores.values())

    @property
    def value_bits(self) -> int:
        return max(p.value_bits for p in self.cores.values())


def levels(network: FixedNetwork) -> dict[str, int]:
    """For each population the longest chain of instant projections before it; inputs do not count."""
    level = {p.name: 0 for p in network.populations}
    inputs = {p.name for p in network.inputs}
    for p in network.order:
        before = [level[q.source] + 1 for q in network.projections
                  if q.target == p.name and q.instant and q.source not in inputs]  # fmt: skip
        level[p.name] = max(before, default=0)
    return level


def neuron_order(network: FixedNetwork) -> list[FixedPopulation]:
    """Populations as neurons are numbered on a mesh: by level, then in evaluation order."""
    level = levels(network)
    return sorted((p for p in network.order if p.kind != "input"), key=lambda p: level[p.name])


def spread(
    network: FixedNetwork, core: Mapping[str, IntArray], cells: list[Cell], mesh: Cell, *, observe: str = "outputs"
) -> MeshProgram:
    """`core[name]` (n,) the core of each neuron of a population; `cells[k]` the cell of core k; `mesh` (width, height).

    Raises NC931 with every unsupported thing.
    """
    found = Collector()
    found.extend(unsupported(network))
    found.raise_if_any()
    order = neuron_order(network)
    level = levels(network)
    phases = max(level.values()) + 1
    inputs = sum(p.size for p in network.inputs)
    # Sources in one numbering: inputs, then neurons.
    base, size = {}, 0
    for p in (*network.inputs, *order):
        base[p.name] = size
        size += p.size
    home = np.concatenate([np.full(inputs, -1), *(core[p.name] for p in order)])
    local = np.full(size, -1)
    for k in range(len(cells)):
        local[home == k] = np.arange(int((home == k).sum()))
    slots = _slots(network, order, base, size, observe)
    cores, output_slot = {}, {}
    reached: list[tuple[IntArray, IntArray]] = []
    for k, cell in enumerate(cells):
        parts, sources = _parts(network, base, home, local, k)
        reached.append((sources, np.full(len(sources), k)))
        chosen = [np.flatnonzero(core[p.name] == k) for p in order]
        present = [i for i, c in enumerate(chosen) if len(c)]
        mine = slots[home == k]
        observed = np.where(mine != NO_SLOT, np.cumsum(mine != NO_SLOT) - 1, NO_SLOT)
        counts = [sum(len(chosen[i]) for i in present if level[order[i].name] < phase) for phase in range(phases + 1)]
        cores[cell] = assemble(
            network,
            [order[i] for i in present],
            parts,
            max(len(sources), 1),
            observed,
            tuple(zip(counts, counts[1:])),
            chosen=[chosen[i] for i in present],
        )
        output_slot[cell] = mine[mine != NO_SLOT]
    tables = _routes(reached, cells, size)
    routes = {cell: _subset(tables, np.flatnonzero(home == k)) for k, cell in enumerate(cells)}
    watched = {p.name for p in order} if observe == "all" else set(network.frame)
    return MeshProgram(
        mesh[0], mesh[1], cores, routes, _subset(tables, np.arange(inputs)), output_slot, inputs,
        int((slots != NO_SLOT).sum()), phases,
        any(not network.by_name[n].fires or network.by_name[n].kind == "linear" for n in watched),
    )  # fmt: skip


def _slots(
    network: FixedNetwork, order: list[FixedPopulation], base: Mapping[str, int], size: int, observe: str
) -> IntArray:
    slots = np.full(size, NO_SLOT)
    place = 0
    for p in order if observe == "all" else [network.by_name[n] for n in network.frame]:
        slots[base[p.name] : base[p.name] + p.size] = np.arange(place, place + p.size)
        place += p.size
    return slots


def _parts(
    network: FixedNetwork, base: Mapping[str, int], home: IntArray, local: IntArray, k: int
) -> tuple[list[Part], IntArray]:
    """The synapses that end on core k, in its own numbering, and the sources that reach it."""
    ends = []
    for q in network.projections:
        s = q.connectivity.synapses
        pre, post = s.pre + base[q.source], s.post + base[q.target]
        here = home[post] == k
        extra = q.delay + network.by_name[q.source].spike_delay
        ends.append((pre[here], local[post[here]], s.weight[here], s.delay[here] + extra, q.shift))
    sources = np.unique(np.concatenate([e[0] for e in ends])) if ends else np.zeros(0, np.int64)
    return [Part(np.searchsorted(sources, pre), post, w, d, shift) for pre, post, w, d, shift in ends], sources


def _routes(reached: list[tuple[IntArray, IntArray]], cells: list[Cell], size: int) -> Routes:
    """Every source to every core that it reaches, at the axon that it has there."""
    source = np.concatenate([s for s, _ in reached])
    where = np.concatenate([k for _, k in reached])
    axon = np.concatenate([np.arange(len(s)) for s, _ in reached])
    order = np.lexsort((where, source))
    x, y = np.array(cells, np.int64).T
    first = np.searchsorted(source[order], np.arange(size + 1))
    return Routes(first, x[where[order]], y[where[order]], axon[order])


def _subset(routes: Routes, sources: IntArray) -> Routes:
    rows = [np.arange(routes.first[s], routes.first[s + 1]) for s in sources]
    pick = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    first = np.cumsum([0, *(len(r) for r in rows)])
    return Routes(first, routes.x[pick], routes.y[pick], routes.axon[pick])
