"""What one neuron core holds: integer memories laid out from a fixed-point network, ready to become ROMs.

Neurons are numbered in evaluation order, so that a spike of delay 0 always finds its targets still to come. An
*axon* is a row of the synapse memory: first the network's inputs, then the core's own neurons (or, in a mesh, every
source that reaches the core). An axon has *segments*, runs of words of the synapse memory:

    dense:       a word is a weight; word k of a segment goes to neuron `target` + k
    compressed:  a word is (neuron, delay, weight); `target` and `delay` of the segment are 0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2

import numpy as np

from nc.ir.diagnostics import Collector, Diagnostic, Where
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.fixed import ARRAYS, FixedNetwork, FixedPopulation

NO_SLOT = -1


@dataclass(frozen=True)
class Segments:
    """Struct of arrays over segments, grouped by axon: axon a owns `first[a] : first[a + 1]`."""

    first: IntArray
    start: IntArray
    length: IntArray
    target: IntArray
    delay: IntArray
    shift: IntArray


@dataclass(frozen=True)
class CoreProgram:
    """Memories of a core.

    `neurons`: per-neuron arrays (n,) of `ARRAYS`, plus `population` (index into `populations`). `slot`: place of a
    neuron in the output frame or NO_SLOT. `phases`: for each phase the half-open range of neurons it updates.
    `words`: weights; `word_target`, `word_delay`: of compressed words, else all zero. `sum_bits`: width that holds
    every input sum exactly. `value_bits`, `value_signed`: of the values that events carry.
    """

    populations: tuple[FixedPopulation, ...]
    neurons: Mapping[str, IntArray]
    slot: IntArray
    phases: tuple[tuple[int, int], ...]
    segments: Segments
    words: IntArray
    word_target: IntArray
    word_delay: IntArray
    sum_bits: int
    value_bits: int
    value_signed: bool
    newest_current: bool

    @property
    def size(self) -> int:
        return len(self.slot)

    @property
    def axons(self) -> int:
        return len(self.segments.first) - 1

    @property
    def delays(self) -> int:
        """Ring slots that the input sums need: the largest delay plus one."""
        longest = self.segments.delay.max(initial=0) + self.word_delay.max(initial=0)
        return int(longest) + 1

    @property
    def compressed(self) -> bool:
        return bool(self.word_target.any())

    @property
    def state_bits(self) -> int:
        return max((p.state_bits for p in self.populations), default=1)

    @property
    def decay_bits(self) -> int:
        return max((p.decay_bits for p in self.populations), default=0)

    def memory_bits(self) -> dict[str, int]:
        """Bits of each memory, for estimates."""
        word = _width(self.words) + (_width(self.word_target) + _width(self.word_delay) if self.compressed else 0)
        segment = sum(_width(getattr(self.segments, f)) for f in ("start", "length", "target", "delay", "shift"))
        parameters = sum(_width(a) for a in self.neurons.values() if a.size and (a != a[0]).any())
        current = any(p.has_current for p in self.populations)
        return {
            "synapses": len(self.words) * word,
            "segments": len(self.segments.start) * segment + self.axons * _width(self.segments.first),
            "parameters": self.size * parameters,
            "state": self.size * self.state_bits * (2 if current else 1),
            "sums": self.size * self.delays * self.sum_bits,
        }


def unsupported(network: FixedNetwork) -> list[Diagnostic]:
    """Everything that the neuron core cannot compute, at once."""
    found = Collector()
    if network.semantics != "sum_then_fire":
        found.error("NC931", f"semantics must be sum_then_fire on the neuron core, not {network.semantics}")
    sources = {q.source for q in network.projections}
    for p in network.populations:
        where = Where(node=p.name)
        if p.kind == "delta":
            found.error("NC931", "delta encoders must stay outside the core", where=where,
                        help="encode the input beforehand (compiler.spiking.encode.delta)")  # fmt: skip
        if p.kind in ("neuron", "linear") and not _spikes(p) and p.name in sources:
            found.error("NC931", "a population that emits values must be an output only", where=where,
                        help="let it spike, or read its value outside the core")  # fmt: skip
        if p.spike_delay and p.name in network.frame:
            found.error("NC931", f"spike delay of an output must be 0, not {p.spike_delay}", where=where,
                        help="delay the observation instead")  # fmt: skip
        if p.name in network.outputs and p.kind == "input":
            found.error("NC931", "an input must not be an output", where=where)
    return found.diagnostics


def build(network: FixedNetwork, *, observe: str = "outputs", form: str = "auto") -> CoreProgram:
    """The whole network on one core. `observe`: 'outputs' or 'all' neurons in the output frame; `form`: dense,
    compressed, or whichever takes fewer bits. Raises NC931 with every unsupported thing."""
    found = Collector()
    found.extend(unsupported(network))
    found.raise_if_any()
    order = [p for p in network.order if p.kind != "input"]
    base = dict(zip((p.name for p in order), np.cumsum([0, *(p.size for p in order)]).tolist()))
    axon, start = {}, 0
    for p in (*network.inputs, *order):
        axon[p.name] = start
        start += p.size
    parts = []
    for q in network.projections:
        s = q.connectivity.synapses
        extra = q.delay + network.by_name[q.source].spike_delay
        parts.append(Part(s.pre + axon[q.source], s.post + base[q.target], s.weight, s.delay + extra, q.shift))
    total = sum(p.size for p in order)
    watched = order if observe == "all" else [network.by_name[n] for n in network.frame]
    slot = np.full(total, NO_SLOT)
    place = 0
    for p in watched:
        slot[base[p.name] : base[p.name] + p.size] = np.arange(place, place + p.size)
        place += p.size
    return assemble(network, order, parts, start, slot, ((0, total),), form)


@dataclass(frozen=True)
class Part:
    """Synapses of one projection in core numbering: axon, neuron, weight, delay, and their shared shift."""

    axon: IntArray
    neuron: IntArray
    weight: IntArray
    delay: IntArray
    shift: int


def assemble(
    network: FixedNetwork,
    order: Sequence[FixedPopulation],
    parts: Sequence[Part],
    axons: int,
    slot: IntArray,
    phases: tuple[tuple[int, int], ...],
    form: str = "auto",
    chosen: Sequence[IntArray] | None = None,
) -> CoreProgram:
    """A core's program from its neurons and synapses. `chosen`: which neurons of each population (default: all)."""
    picks = [np.arange(p.size) for p in order] if chosen is None else list(chosen)
    widest = max((p.decay_bits for p in order), default=0)
    neurons: dict[str, IntArray] = {}
    for name in ARRAYS:
        # A decay counted in more bits is the same number: rounding to nearest or down is unchanged.
        scale = [widest - p.decay_bits if name.startswith("decay") else 0 for p in order]
        held = [_held(p, name)[pick] << s for p, pick, s in zip(order, picks, scale)]
        neurons[name] = np.concatenate(held) if held else np.zeros(0, np.int64)
    neurons["population"] = np.repeat(np.arange(len(order)), [len(pick) for pick in picks])
    layouts = {"dense": _dense, "compressed": _compressed}
    made = [layouts[name](parts, axons) for name in layouts if form in ("auto", name)]
    values = [p.output_range for p in network.inputs]
    low = min([0, *(v[0] for v in values)])
    high = max([1, *(v[1] for v in values)])
    programs = [
        CoreProgram(
            tuple(_normal(p) for p in order),
            neurons,
            slot,
            phases,
            *layout,
            sum_bits=_sum_bits(parts, neurons, low, high),
            value_bits=max(high.bit_length(), (-low - 1).bit_length()) + (low < 0),
            value_signed=low < 0,
            newest_current=network.update_order == "current_before_voltage",
        )
        for layout in made
    ]
    return min(programs, key=lambda p: p.memory_bits()["synapses"] + p.memory_bits()["segments"])


def _spikes(p: FixedPopulation) -> bool:
    return p.kind == "neuron" and p.fires


def _normal(p: FixedPopulation) -> FixedPopulation:
    """A linear population as the neuron it is: no memory of its state, no threshold."""
    return replace(p, kind="neuron", fires=False, has_current=False, reset="none") if p.kind == "linear" else p


def _held(p: FixedPopulation, name: str) -> IntArray:
    return np.zeros(p.size, np.int64) if p.kind == "linear" and name == "decay_mem" else p.array(name)


def _sum_bits(parts: Sequence[Part], neurons: Mapping[str, IntArray], low: int, high: int) -> int:
    """Width of the accumulators: the exact range of every sum over all inputs."""
    least, most = np.minimum(neurons["bias_in"], 0), np.maximum(neurons["bias_in"], 0)
    for p in parts:
        ends = np.stack([p.weight * low, p.weight * high]) << p.shift
        np.add.at(least, p.neuron, ends.min(axis=0))
        np.add.at(most, p.neuron, ends.max(axis=0))
    return max(int(most.max(initial=0)).bit_length(), int(-least.min(initial=0) - 1).bit_length()) + 1


def _compressed(parts: Sequence[Part], axons: int) -> tuple[Segments, IntArray, IntArray, IntArray]:
    """One segment for each (axon, shift)."""
    axon = np.concatenate([p.axon for p in parts] or [np.zeros(0, np.int64)])
    shift = np.concatenate([np.full(len(p.axon), p.shift) for p in parts] or [np.zeros(0, np.int64)])
    fields = [np.concatenate([getattr(p, f) for p in parts] or [np.zeros(0, np.int64)]) for f in
              ("neuron", "delay", "weight")]  # fmt: skip
    order = np.lexsort((fields[0], fields[1], shift, axon))
    axon, shift = axon[order], shift[order]
    starts = _run_starts(axon, shift)
    zero = np.zeros(len(starts), np.int64)
    length = np.diff([*starts, len(axon)])
    segments = Segments(_firsts(axon[starts], axons), starts, length, zero, zero, shift[starts])
    return segments, fields[2][order], fields[0][order], fields[1][order]


def _dense(parts: Sequence[Part], axons: int) -> tuple[Segments, IntArray, IntArray, IntArray]:
    """One segment for each (axon, projection, delay), from its first target to its last, gaps as weight 0."""
    owner, target, length, delay, shift, words = [], [], [], [], [], []
    for p in parts:
        order = np.lexsort((p.neuron, p.delay, p.axon))
        a, d, n, w = p.axon[order], p.delay[order], p.neuron[order], p.weight[order]
        starts = _run_starts(a, d)
        for low, high in zip(starts, [*starts[1:], len(a)]):
            row = np.zeros(n[high - 1] - n[low] + 1, np.int64)
            row[n[low:high] - n[low]] = w[low:high]
            owner.append(a[low])
            target.append(n[low])
            length.append(len(row))
            delay.append(d[low])
            shift.append(p.shift)
            words.append(row)
    by_axon = np.argsort(np.array(owner, np.int64), kind="stable")
    pick = [np.array(x, np.int64)[by_axon] for x in (owner, length, target, delay, shift)]
    start = np.cumsum([0, *pick[1]])[:-1]
    flat = np.concatenate([words[i] for i in by_axon]) if len(by_axon) else np.zeros(0, np.int64)
    zero = np.zeros(len(flat), np.int64)
    return Segments(_firsts(pick[0], axons), start, *pick[1:]), flat, zero, zero


def _run_starts(*keys: IntArray) -> IntArray:
    if len(keys[0]) == 0:
        return np.zeros(0, np.int64)
    new = np.ones(len(keys[0]), bool)
    new[1:] = np.any([np.diff(k) != 0 for k in keys], axis=0)
    return np.flatnonzero(new)


def _firsts(owner: IntArray, axons: int) -> IntArray:
    return np.searchsorted(owner, np.arange(axons + 1))


def _width(values: IntArray) -> int:
    """Bits that hold every value (two's complement where one is negative)."""
    if not values.size:
        return 0
    low, high = int(values.min()), int(values.max())
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + (low < 0)


def synapses_of(program: CoreProgram) -> IntArray:
    """(synapses, 4) of axon, neuron, delay and shifted weight, read from the memories as the core does; sorted."""
    s = program.segments
    owner = np.repeat(np.arange(program.axons), np.diff(s.first))
    row = np.repeat(np.arange(len(s.start)), s.length)
    place = np.arange(len(row)) - np.repeat(np.cumsum(s.length) - s.length, s.length)
    word = s.start[row] + place
    neuron = s.target[row] + program.word_target[word] + (0 if program.compressed else place)
    weight = program.words[word] << s.shift[row]
    return _sorted(owner[row], neuron, s.delay[row] + program.word_delay[word], weight)


def network_synapses(network: FixedNetwork) -> IntArray:
    """The same list from the network itself."""
    order = [p for p in network.order if p.kind != "input"]
    base, start = {}, 0
    for p in (*network.inputs, *order):
        base[p.name] = start
        start += p.size
    inputs = sum(p.size for p in network.inputs)
    rows = []
    for q in network.projections:
        s = q.connectivity.synapses
        delay = s.delay + q.delay + network.by_name[q.source].spike_delay
        rows.append(_sorted(s.pre + base[q.source], s.post + base[q.target] - inputs, delay, s.weight << q.shift))
    return _sorted(*np.concatenate(rows).T)


def _sorted(axon: IntArray, neuron: IntArray, delay: IntArray, weight: IntArray) -> IntArray:
    keep = weight != 0
    order = np.lexsort((weight[keep], delay[keep], neuron[keep], axon[keep]))
    return np.asarray(np.stack([axon, neuron, delay, weight], axis=1)[keep][order], np.int64)


def address_bits(count: int) -> int:
    """Bits of an index below `count`, at least 1."""
    return max(1, ceil(log2(count))) if count > 1 else 1
