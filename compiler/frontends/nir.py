"""Imports NIR files as spiking networks: neurons become populations, the linear nodes between them projections.

NIR stores neither the time step nor how an equation is stepped, so both are arguments. Where signals form a loop,
the edges that close it (found depth first from the inputs, children in name order) take one tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.frontends.nir_file import RawGraph, RawNode, neurons, read
from nc.compiler.frontends.nir_linear import LARGEST, BadShape, convert
from nc.compiler.frontends.nir_nodes import NODES
from nc.ir.diagnostics import Collector, Where
from nc.ir.spiking.connect import Chain, Connectivity, identity
from nc.ir.spiking.models import MODELS
from nc.ir.spiking.network import FloatArray, Network, Population, Projection

Shape = tuple[int, ...]


@dataclass(frozen=True)
class NirOptions:
    """What NIR does not store. `dt` None: 1e-4 s where time constants occur (as in the NIR paper), otherwise 1 s."""

    dt: float | None = None
    integrator: str = "forward_euler"
    reset: str = "to_value"
    compare: str = ">"


def load(path: Path | str, options: NirOptions = NirOptions()) -> Network:
    """Read a `.nir` file; every problem is raised at once."""
    path = Path(path)
    graph = read(path)
    importer = _Importer(graph, options, path.name)
    network = importer.network(path.stem)
    importer.found.raise_if_any()
    network.verify()
    return network


@dataclass(frozen=True)
class _Term:
    """What a source contributes to a signal: the maps passed on the way, first to last, and their nodes."""

    source: str
    stages: tuple[Connectivity, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Signal:
    """A sum of terms and a constant, with a shape."""

    terms: tuple[_Term, ...]
    constant: FloatArray | None
    shape: Shape


class _Importer:
    def __init__(self, graph: RawGraph, options: NirOptions, file: str):
        self.graph, self.options, self.file = graph, options, file
        self.found = Collector()
        leaky = any({"tau", "tau_mem"} & set(n.values) for n in neurons(graph))
        self.dt = options.dt or (1e-4 if leaky else 1.0)
        self.before: dict[str, list[str]] = {name: [] for name in graph.nodes}
        for source, target in graph.edges:
            self.before[target].append(source)
        self.signals: dict[str, _Signal] = {}
        self.open: list[str] = []

    def network(self, name: str) -> Network:
        populations: list[Population] = []
        projections: list[Projection] = []
        outputs: list[str] = []
        for port in self.graph.inputs:
            shape = self.shape_of(self.graph.nodes[port])
            if not shape:
                continue
            populations.append(Population(port, "input", shape))
        for node in neurons(self.graph):
            population = self.population(node)
            populations.append(population)
            projections += self.projections(self.arriving(node.name), population)
        for port in self.graph.outputs:
            signal = self.arriving(port)
            plain = [t for t in signal.terms if not t.stages]
            if (
                len(signal.terms) == 1
                and plain
                and signal.constant is None
                and plain[0].source not in self.graph.inputs
            ):
                outputs.append(plain[0].source)
                continue
            population = Population(port, "linear", signal.shape)
            populations.append(population)
            projections += self.projections(signal, population)
            outputs.append(port)
        for port in [p for p in self.graph.outputs if not self.before[p]]:
            self.error("NC901", "an edge must lead to the output", port)
        self.found.raise_if_any()
        delayed = delay_loops([p.name for p in populations], projections)
        return Network(name, self.dt, tuple(populations), _unique(delayed), tuple(dict.fromkeys(outputs)))

    def population(self, node: RawNode) -> Population:
        spec = NODES[node.type]
        values = {"v_threshold" if k == "threshold" else k: np.asarray(v, np.float64) for k, v in node.values.items()}
        shapes = {v.shape for v in values.values() if v.size > 1} or {next(iter(values.values())).shape}
        shape: Shape = next(iter(shapes))
        if len(shapes) > 1:
            self.error("NC906", f"parameters must have one shape, not {sorted(shapes)}", node.name)
        if int(np.prod(shape)) == 1 and self.before[node.name]:
            shape = self.arriving(node.name).shape
        held = {
            k: np.array(np.broadcast_to(v.reshape(-1), (int(np.prod(shape)),))) if v.size > 1 else v.reshape(())
            for k, v in values.items()
            if v.size in (1, int(np.prod(shape)))
        }
        fires = MODELS[spec.model].fires
        return Population(
            node.name,
            spec.model,
            shape,
            held,
            integrator=self.options.integrator,
            reset=self.options.reset if fires else "none",
            compare=self.options.compare,
        )

    def arriving(self, name: str) -> _Signal:
        """The sum of what the edges into a node carry."""
        # A signal without a shape stands behind an error that is reported already.
        parts = [p for p in map(self.signal, self.before[name]) if p.shape]
        sizes = {int(np.prod(p.shape)) for p in parts}
        if len(sizes) > 1:
            self.error("NC906", f"signals that meet must have one size, not {sorted(sizes)}", name)
        constants = [p.constant for p in parts if p.constant is not None]
        if len(sizes) > 1 or not parts:
            return _Signal((), None, parts[0].shape if parts else ())
        total = np.sum(constants, axis=0) if constants else None
        return _Signal(tuple(t for p in parts for t in p.terms), total, parts[0].shape)

    def signal(self, name: str) -> _Signal:
        """What a node emits."""
        node = self.graph.nodes[name]
        if name in self.signals:
            return self.signals[name]
        if name in self.graph.inputs or NODES[node.type].role == "neuron":
            shape = self.shape_of(node)
            return self.signals.setdefault(name, _Signal((_Term(name, (), ()),), None, shape))
        if name in self.open:
            loop = self.open[self.open.index(name) :]
            self.error("NC907", f"a loop must pass through a neuron, but {' -> '.join([*loop, name])} does not", name)
            return _Signal((), None, ())
        self.open.append(name)
        arriving = self.arriving(name)
        self.open.pop()
        if NODES[node.type].role == "linear":
            arriving = self.linear(node, arriving)
        self.signals[name] = arriving
        return arriving

    def shape_of(self, node: RawNode) -> Shape:
        if node.type == "Input":
            given = np.ravel(np.asarray(node.values["shape"]))
            if (
                given.dtype.kind not in "iuf"
                or not given.size
                or (given < 1).any()
                or np.prod(given, dtype=float) > LARGEST
            ):
                self.error("NC906", f"shape must be positive numbers of at most {LARGEST} values, not {given.tolist()}",
                           node.name)  # fmt: skip
                return ()
            return tuple(int(n) for n in given)
        shapes = [np.shape(v) for v in node.values.values() if np.size(v) > 1]
        if shapes:
            return tuple(shapes[0])
        # One value for all neurons: as many as the signal that arrives, unless that is the neuron's own.
        if node.name in self.open:
            return (1,)
        self.open.append(node.name)
        parts = [self.signal(s).shape for s in self.before[node.name] if s != node.name and s not in self.open]
        self.open.pop()
        return parts[0] if parts else (1,)

    def linear(self, node: RawNode, arriving: _Signal) -> _Signal:
        if not arriving.shape:
            return arriving
        try:
            stage, bias, shape = convert(node.type, node.values, arriving.shape, self.dt)
        except BadShape as problem:
            self.error("NC906", str(problem), node.name)
            return _Signal((), None, ())
        constant = arriving.constant
        if constant is not None:
            if node.type == "Delay":
                self.error(
                    "NC908",
                    "a constant must not pass through a Delay",
                    node.name,
                    help="move the bias behind the delay: a delayed constant is zero at first",
                )
            constant = np.asarray(sum(op @ constant for op in stage.operators.values()))
        if bias is not None and bias.any():
            constant = bias if constant is None else constant + bias
        trivial = node.type == "Flatten"
        terms = tuple(
            replace(t, stages=t.stages if trivial else (*t.stages, stage), names=(*t.names, node.name))
            for t in arriving.terms
        )
        return _Signal(terms, constant, shape)

    def projections(self, signal: _Signal, target: Population) -> list[Projection]:
        made = []
        bias = signal.constant
        if signal.shape and int(np.prod(signal.shape)) != target.size:
            self.error("NC906", f"{target.size} values must arrive, not {int(np.prod(signal.shape))}", target.name)
        for term in signal.terms:
            size = int(np.prod(self.signals[term.source].shape)) if term.source in self.signals else target.size
            stages = term.stages or (identity(size),)
            joined = stages[0] if len(stages) == 1 else Chain(stages)
            name = "+".join(term.names) or f"{term.source}->{target.name}"
            made.append(Projection(name, term.source, target.name, joined, bias))
            bias = None
        return made

    def error(self, code: str, message: str, node: str, help: str = "") -> None:
        where = Where(file=self.file, node=node)
        if not any(d.message == message and d.where == where for d in self.found.diagnostics):
            self.found.error(code, message, where=where, help=help)


def delay_loops(names: list[str], projections: list[Projection]) -> list[Projection]:
    """Give one tick to each instant projection that closes a loop, found depth first in the order of `names`."""
    after: dict[str, list[str]] = {n: [] for n in names}
    for q in projections:
        if q.instant:
            after[q.source].append(q.target)
    state: dict[str, int] = {}
    closing: set[tuple[str, str]] = set()
    for root in names:
        stack = [(root, iter(sorted(after[root])))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            here, children = stack[-1]
            child = next(children, None)
            if child is None:
                state[here] = 2
                stack.pop()
            elif child not in state:
                state[child] = 1
                stack.append((child, iter(sorted(after[child]))))
            elif state[child] == 1:
                closing.add((here, child))
    return [replace(q, delay=q.delay + 1) if q.instant and (q.source, q.target) in closing else q for q in projections]


def _unique(projections: list[Projection]) -> tuple[Projection, ...]:
    seen: Mapping[str, Any] = {}
    made = []
    counts: dict[str, int] = dict(seen)
    for q in projections:
        counts[q.name] = counts.get(q.name, 0) + 1
        made.append(q if counts[q.name] == 1 else replace(q, name=f"{q.name}#{counts[q.name]}"))
    return tuple(made)
