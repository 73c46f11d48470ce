"""Spiking networks in float: populations of neurons and projections between them.

A network is recurrent and event-driven, so it is not a tensor graph: everything that decides *when* something
happens is an attribute here. One tick computes, for every population in order: the input sum S (projections of delay
0 read this tick's outputs, those of delay d the outputs of d ticks ago, zero before the start; biases act every
tick), the states, the spikes. Projections of delay 0 form no cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nc.ir.diagnostics import Collector, Where, suggest
from nc.ir.spiking import models
from nc.ir.spiking.connect import Connectivity

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one model. `parameters` hold one value a neuron, flattened (n,), or one for all (); SI units.

    `integrator`: how the equation is stepped. `reset`: what a spike does to v. `compare`: whether v must exceed
    v_threshold or may equal it. `refractory`: ticks after a spike in which v stays at its value. `spike_delay`:
    ticks between the crossing and the appearance of the spike. `rectify`: s > 0 pushes a membrane between 0 and twice
    the threshold θ away from θ before the spike, v = clip(θ + 2**s (v - θ), 0, 2 θ): the membrane potential rectifier
    (Guo et al., ECCV 2022) with straight lines for its tanh, which has slope 3 there; who fires is unchanged.
    """

    name: str
    model: str
    shape: tuple[int, ...]
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)
    integrator: str = "forward_euler"
    reset: str = "to_value"
    compare: str = ">"
    refractory: int = 0
    spike_delay: int = 0
    rectify: int = 0

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def value(self, name: str) -> FloatArray:
        """A parameter, one value a neuron: (n,)."""
        default = models.MODELS[self.model].parameters[name]
        return np.broadcast_to(np.asarray(self.parameters.get(name, default), np.float64).reshape(-1), (self.size,))

    @property
    def reset_by(self) -> FloatArray:
        """What a spike subtracts from v: (n,)."""
        return self.value("reset_by" if "reset_by" in self.parameters else "v_threshold")


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map from one population's outputs to another's input sum, plus a constant `bias` (n,) every tick.

    `delay`: ticks, added to each synapse's own delay. Positive in every cycle.
    """

    name: str
    source: str
    target: str
    connectivity: Connectivity
    bias: FloatArray | None = None
    delay: int = 0

    @property
    def instant(self) -> bool:
        """Whether some of its synapses act within the tick."""
        if self.delay:
            return False
        own = self.connectivity.arrays().get("delay")
        return own is None or bool((np.asarray(own) == 0).any())


@dataclass(frozen=True, eq=False)
class Network:
    """Populations in file order, projections, and the names of the populations whose outputs are observed.

    `dt`: seconds a tick. `semantics`: `sum_then_fire` (all events of a tick are summed, then neurons fire) or
    `event_ordered` (thresholds are tested after every event). `update_order`: whether v sees this tick's current.
    """

    name: str
    dt: float
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    outputs: tuple[str, ...]
    semantics: str = "sum_then_fire"
    update_order: str = "current_before_voltage"

    @cached_property
    def by_name(self) -> dict[str, Population]:
        return {p.name: p for p in self.populations}

    @property
    def inputs(self) -> tuple[Population, ...]:
        return tuple(p for p in self.populations if p.model == "input")

    @cached_property
    def order(self) -> tuple[Population, ...]:
        """Populations such that a projection of delay 0 leads forward only."""
        names = evaluation_order(
            [p.name for p in self.populations], [(p.source, p.target) for p in self.projections if p.instant]
        )
        return tuple(self.by_name[n] for n in names)

    def verify(self) -> None:
        """Raise every contradiction of the network with itself."""
        found = Collector()
        _verify(self, found)
        found.raise_if_any()


def evaluation_order(names: list[str], instant: list[tuple[str, str]]) -> list[str]:
    """Stable topological order; raises NC907 naming the populations of a cycle."""
    waiting = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {n: [] for n in names}
    for source, target in instant:
        waiting[target] += 1
        after[source].append(target)
    ready = [n for n in names if waiting[n] == 0]
    done: list[str] = []
    while ready:
        name = ready.pop(0)
        done.append(name)
        for target in after[name]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    if len(done) < len(names):
        stuck = sorted(n for n in names if waiting[n])
        found = Collector()
        found.error(
            "NC907",
            f"projections of delay 0 must not form a cycle, as they do among {', '.join(stuck)}",
            help="give the recurrent projection a delay of at least one tick",
        )
        found.raise_if_any()
    return done


def _verify(network: Network, found: Collector) -> None:
    if not (np.isfinite(network.dt) and network.dt > 0):
        found.error("NC905", f"dt must be a positive number of seconds, not {network.dt}")
    _one_of(network.semantics, models.SEMANTICS, "semantics", Where(), found)
    _one_of(network.update_order, models.UPDATE_ORDERS, "update order", Where(), found)
    names = [p.name for p in network.populations]
    for name in sorted({n for n in names if names.count(n) > 1}):
        found.error("NC910", f"population names must be unique, but '{name}' occurs {names.count(name)} times")
    for population in network.populations:
        _verify_population(network, population, found)
    for projection in network.projections:
        _verify_projection(network, projection, found)
    for name in network.outputs:
        if name not in network.by_name:
            found.error("NC910", f"output must be a population, not '{name}'", help=suggest(name, names))
    if not network.outputs:
        found.error("NC910", "a network must have at least one output")
    if not network.inputs:
        found.error("NC910", "a network must have at least one input population")
    if not any(d.severity == "error" for d in found.diagnostics):
        _ = network.order


def _one_of(value: str, known: tuple[str, ...], what: str, where: Where, found: Collector) -> None:
    if value not in known:
        found.error("NC910", f"{what} must be one of {', '.join(known)}, not '{value}'", where=where)


def _verify_population(network: Network, population: Population, found: Collector) -> None:
    where = Where(node=population.name)
    if population.model not in models.MODELS:
        found.error(
            "NC910",
            f"neuron model must be a known one, not '{population.model}'",
            where=where,
            help=suggest(population.model, models.MODELS),
        )
        return
    model = models.MODELS[population.model]
    _one_of(population.integrator, models.INTEGRATORS, "integrator", where, found)
    _one_of(population.reset, models.RESETS, "reset", where, found)
    _one_of(population.compare, models.COMPARES, "comparison", where, found)
    if not 0 <= population.rectify <= 8:
        found.error("NC910", f"rectify must be 0 to 8, not {population.rectify}", where=where)
    if population.refractory < 0 or population.spike_delay < 0:
        found.error("NC910", "refractory and spike delay must not be negative", where=where)
    for name, default in model.parameters.items():
        if name not in population.parameters:
            if default is models.REQUIRED:
                found.error(
                    "NC903", f"parameter '{name}' of {model.name} must be given", where=where, help=model.equation
                )
            continue
        value = np.asarray(population.parameters[name], np.float64)
        at = Where(node=population.name, tensor=name)
        if value.size not in (1, population.size):
            found.error("NC906", f"'{name}' must have {population.size} values, not {value.size}", where=at)
        elif not np.isfinite(value).all():
            count = int((~np.isfinite(value)).sum())
            found.error("NC904", f"'{name}' must be finite, but {count} of {value.size} values are not", where=at)
    for name in sorted(population.parameters.keys() - model.parameters.keys()):
        found.error(
            "NC910",
            f"{model.name} has no parameter '{name}'",
            where=where,
            help=suggest(name, model.parameters),
        )
    if any(d.where.node == population.name and d.severity == "error" for d in found.diagnostics):
        return
    _verify_ranges(network, population, found)


def _verify_ranges(network: Network, population: Population, found: Collector) -> None:
    model = models.MODELS[population.model]
    for name in ("tau", "tau_syn", "tau_mem"):
        if name not in model.parameters:
            continue
        where = Where(node=population.name, tensor=name)
        tau = population.value(name)
        if (tau <= 0).any():
            found.error("NC905", f"'{name}' must be positive, not {tau.min():g}", where=where)
        elif population.integrator == "forward_euler" and (tau < network.dt * (1 - 1e-9)).any():
            found.error(
                "NC905",
                f"'{name}' must be at least dt = {network.dt:g} s with forward Euler, not {tau.min():g} s",
                where=where,
                help="give a smaller dt, or use the exponential integrator",
            )
    if model.fires and model.membrane:
        if population.rectify and (population.value("v_threshold") <= 0).any():
            found.error("NC905", "thresholds of rectified membranes must be positive",
                        where=Where(node=population.name, tensor="v_threshold"))  # fmt: skip
        gap = population.value("v_threshold") - population.value("v_reset")
        # Folding a batch norm of negative gain turns thresholds and resets around, hence only resets to a value.
        if population.reset == "to_value" and (gap <= 0).any():
            found.error(
                "NC905",
                f"'v_threshold' must be above v_reset, but is not for {int((gap <= 0).sum())} of {gap.size} neurons",
                where=Where(node=population.name, tensor="v_threshold"),
                help="a neuron that is reset to its threshold or above fires at every tick",
            )
        if population.reset == "subtract" and (population.reset_by == 0).any():
            found.error(
                "NC905",
                "what a spike subtracts must not be zero",
                where=Where(node=population.name, tensor="v_threshold"),
            )
    if population.model == "delta" and (population.value("v_threshold") <= 0).any():
        found.error("NC905", "'v_threshold' must be positive", where=Where(node=population.name, tensor="v_threshold"))


def _verify_projection(network: Network, projection: Projection, found: Collector) -> None:
    where = Where(node=projection.name)
    ends = {"source": projection.source, "target": projection.target}
    for end, name in ends.items():
        if name not in network.by_name:
            found.error(
                "NC910", f"{end} must be a population, not '{name}'", where=where, help=suggest(name, network.by_name)
            )
    if projection.delay < 0:
        found.error("NC910", f"delay must not be negative, as {projection.delay} is", where=where)
    if not all(name in network.by_name for name in ends.values()):
        return
    sizes = {"source": projection.connectivity.in_size, "target": projection.connectivity.out_size}
    for end, size in sizes.items():
        have = network.by_name[ends[end]].size
        if size != have:
            found.error("NC906", f"{end} '{ends[end]}' must have {size} neurons, not {have}", where=where)
    if network.by_name[projection.target].model == "input":
        found.error("NC910", f"target must not be the input '{projection.target}'", where=where)
    if projection.bias is not None and projection.bias.shape != (sizes["target"],):
        found.error("NC906", f"bias must have shape ({sizes['target']},), not {projection.bias.shape}", where=where)
    values = [a for a in (*projection.connectivity.arrays().values(), projection.bias) if a is not None]
    if not all(np.isfinite(a).all() for a in values):
        found.error("NC904", "weights and biases must be finite", where=where)
