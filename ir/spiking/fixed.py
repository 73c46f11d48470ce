"""Spiking networks in exact integers: the truth that cores, RTL and configurations equal spike for spike.

Every model of the float form folds into three: `neuron` (one or two states), `linear` and `delta`. One tick of a
neuron, all integers, R(x, k) = x / 2**k rounded as the population says, C = saturate or wrap to the state's width:

    S  = sum over projections of (weights · outputs) << shift, plus bias_in           (exact, never overflows)
    with current:     i = C(R(i · decay_syn, k) + S);   v' = C(R(v · decay_mem, k) + i + bias)
    without:                                            v' = C(R(v · decay_mem, k) + S + bias)
    with `rectify` s > 0, if 0 <= v' <= 2 threshold:    v' = C(clip(threshold + (v' - threshold) << s, 0, 2 threshold))
    fires when v' >= threshold; then v = v' - reset_by (subtract), reset_to (to_value), or v' (none)

Folding the gains of the equations into the weights is what leaves two multiplications a neuron. A spike that
finds v' outside the range after subtraction is clamped or wrapped likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from nc.ir.diagnostics import Collector, Where
from nc.ir.spiking.connect import Connectivity, IntArray
from nc.ir.spiking.network import evaluation_order

ROUNDINGS = ("nearest", "floor", "truncate")
OVERFLOWS = ("saturate", "wrap")
KINDS = ("input", "neuron", "linear", "delta")
ARRAYS = ("decay_syn", "decay_mem", "bias_in", "bias", "threshold", "reset_by", "reset_to", "v_init")
"""Per-neuron integers of a population, each (n,)."""


@dataclass(frozen=True, eq=False)
class FixedPopulation:
    """Neurons in integers; `arrays` maps the names of `ARRAYS` to (n,) int64.

    `scale`: the value of one unit of v (and of i, times the folded gain) in the float network. `decay_bits`: k.
    For an input, `state_bits` and `signed` are the width of its values. `fires` False: emits v.

    `rate` (mean of |output| a neuron and tick) and `overflows` were seen on calibration data, None without it: they
    weigh the mapping and warn, and decide nothing that is computed.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    state_bits: int
    arrays: Mapping[str, IntArray] = field(default_factory=dict)
    signed: bool = True
    has_current: bool = False
    fires: bool = True
    reset: str = "to_value"
    refractory: int = 0
    spike_delay: int = 0
    rectify: int = 0
    decay_bits: int = 16
    rounding: str = "nearest"
    overflow: str = "saturate"
    scale: float = 1.0
    rate: float | None = None
    overflows: int | None = None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def low(self) -> int:
        return -(1 << (self.state_bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.state_bits - 1)) - 1 if self.signed else (1 << self.state_bits) - 1

    @property
    def output_range(self) -> tuple[int, int]:
        """The integers that it may emit."""
        if self.kind == "neuron" and self.fires:
            return (0, 1)
        return (self.low, self.high)

    def array(self, name: str) -> IntArray:
        neutral = 1 << self.decay_bits if name.startswith("decay") else 0
        return np.asarray(self.arrays.get(name, np.full(self.size, neutral)), np.int64)


@dataclass(frozen=True, eq=False)
class FixedProjection:
    """Integer weights of `bits` bits, shifted left by `shift` at the target."""

    name: str
    source: str
    target: str
    connectivity: Connectivity
    bits: int
    shift: int = 0
    delay: int = 0

    @property
    def instant(self) -> bool:
        return self.delay == 0 and bool((self.connectivity.synapses.delay == 0).any())


@dataclass(frozen=True, eq=False)
class FixedNetwork:
    """Populations and projections in integers. `dt` is kept for reports; arithmetic has no unit.

    `watch`: populations that hardware shows at every tick in place of the outputs (for verification neuron by neuron).
    """

    name: str
    dt: float
    populations: tuple[FixedPopulation, ...]
    projections: tuple[FixedProjection, ...]
    outputs: tuple[str, ...]
    semantics: str = "sum_then_fire"
    update_order: str = "current_before_voltage"
    watch: tuple[str, ...] = ()

    @property
    def frame(self) -> tuple[str, ...]:
        """The populations of an output frame, side by side."""
        return self.watch or self.outputs

    def watching_all(self) -> FixedNetwork:
        """The same network, every neuron in the frame, in evaluation order."""
        return replace(self, watch=tuple(p.name for p in self.order if p.kind != "input"))

    @cached_property
    def by_name(self) -> dict[str, FixedPopulation]:
        return {p.name: p for p in self.populations}

    @property
    def inputs(self) -> tuple[FixedPopulation, ...]:
        return tuple(p for p in self.populations if p.kind == "input")

    @cached_property
    def order(self) -> tuple[FixedPopulation, ...]:
        instant = [(q.source, q.target) for q in self.projections if q.instant]
        return tuple(self.by_name[n] for n in evaluation_order([p.name for p in self.populations], instant))

    @property
    def neurons(self) -> int:
        return sum(p.size for p in self.populations if p.kind != "input")

    @property
    def synapses(self) -> int:
        return sum(len(q.connectivity.synapses.pre) for q in self.projections)

    def sum_bounds(self, name: str) -> tuple[IntArray, IntArray]:
        """Lowest and highest S of a population's neurons over all inputs: (n,) each."""
        population = self.by_name[name]
        low = population.array("bias_in").copy()
        high = low.copy()
        for q in (q for q in self.projections if q.target == name):
            least, most = self.by_name[q.source].output_range
            found = q.connectivity.synapses
            ends = np.stack([found.weight * least, found.weight * most]) << q.shift
            np.add.at(low, found.post, ends.min(axis=0))
            np.add.at(high, found.post, ends.max(axis=0))
        return low, high

    def verify(self) -> None:
        """Raise every contradiction; among them sums that could pass 62 bits."""
        found = Collector()
        for p in self.populations:
            where = Where(node=p.name)
            table = (
                (p.kind, KINDS, "kind"),
                (p.rounding, ROUNDINGS, "rounding"),
                (p.overflow, OVERFLOWS, "overflow"),
            )
            for value, known, what in table:
                if value not in known:
                    found.error("NC910", f"{what} must be one of {', '.join(known)}, not '{value}'", where=where)
            if not 1 <= p.state_bits <= 40 or not 0 <= p.decay_bits <= 20:
                found.error(
                    "NC910",
                    f"state must have 1 to 40 bits and decay 0 to 20, not {p.state_bits} and {p.decay_bits}",
                    where=where,
                )
            if p.rectify and (not 0 <= p.rectify <= 8 or (p.array("threshold") <= 0).any()):
                found.error("NC910", "a rectifier must shift by 0 to 8 around positive thresholds", where=where)
            for name, a in p.arrays.items():
                if name not in ARRAYS or a.shape != (p.size,) or a.dtype != np.int64:
                    found.error("NC910", f"'{name}' must be int64 of shape ({p.size},)", where=where)
        for q in self.projections:
            where = Where(node=q.name)
            if q.source not in self.by_name or q.target not in self.by_name:
                found.error("NC910", f"'{q.source}' and '{q.target}' must be populations", where=where)
                continue
            sizes = (self.by_name[q.source].size, self.by_name[q.target].size)
            if (q.connectivity.in_size, q.connectivity.out_size) != sizes:
                found.error(
                    "NC906",
                    f"connectivity must be {sizes}, not {(q.connectivity.in_size, q.connectivity.out_size)}",
                    where=where,
                )
            weight = q.connectivity.synapses.weight
            limit = 1 << (q.bits - 1)
            if weight.size and (weight.min() < -limit or weight.max() >= limit):
                found.error("NC910", f"weights must fit {q.bits} bits, not reach {np.abs(weight).max()}", where=where)
        for name in (*self.outputs, *self.watch):
            if name not in self.by_name:
                found.error("NC910", f"an output must be a population, not '{name}'")
        found.raise_if_any()
        for p in self.populations:
            low, high = self.sum_bounds(p.name)
            if max(int(-low.min(initial=0)), int(high.max(initial=0))) >= 1 << 62:
                found.error(
                    "NC920",
                    "input sums must stay within 62 bits",
                    where=Where(node=p.name),
                    help="use fewer weight bits or a smaller shift",
                )
        found.raise_if_any()
        _ = self.order
