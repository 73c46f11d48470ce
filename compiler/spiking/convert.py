"""An ordinary network becomes a spiking one: activations turn into integrate-and-fire neurons run for T ticks.

Threshold balancing (Diehl 2015; Rueckauer 2017) with reset by subtraction and the membrane started at half the
threshold (Bu 2022): a neuron whose activation lies between `floor` and `ceiling` has their difference as its
threshold, which is what a spike is worth; its rate times that is how far the activation lies above the floor. The
floor itself goes into the biases of those who read it: bipolar activations -1, +1 become spikes so. The input is shown
at every tick (direct encoding), so the mean input of each layer is the pre-activation of the ordinary network. Outputs
are membranes of integrators: after T ticks they hold T times the logits.

The linear maps between activations are found by probing: the part of the graph between two activations is evaluated
on the unit vectors. It need not be known which operations make it up, only that together they are affine, which is
checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nc.compiler.spiking.activation import Ramp, is_activation, ramp
from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate
from nc.ir.ops.argmax import ArgMax
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.network import FloatArray, Network, Population, Projection
from nc.ir.types import TensorType

PROBE_CHUNK = 256
TRIALS = 8


@dataclass(frozen=True)
class _Layer:
    """A population in the making: the graph value that it stands for, the value that drives it, its ramp."""

    name: str
    value: Value
    drive: Value
    ramp: Ramp | None


def convert(graph: Graph, calibration: FloatArray | None = None, *, start: float = 0.5) -> Network:
    """The spiking network of an integer graph with one input.

    calibration: (N, *input shape) integers of the input port, needed where an activation has no ceiling of its own.
    `start`: initial membrane as a share of the threshold. Raises NC923 for what has no spiking equivalent.
    """
    if len(graph.inputs) != 1 or graph.states:
        fail("NC923", f"network must have one input and no states to be converted, not {len(graph.inputs)} inputs")
    ((label, source),) = graph.inputs.items()
    layers = _layers(graph)
    stops = {source: label, **{layer.value: layer.name for layer in layers}}
    populations = [Population(label, "input", graph.type(source).shape)]
    projections: list[Projection] = []
    quantum: dict[str, float | FloatArray] = {label: 1.0}
    floor: dict[str, FloatArray] = {}
    outputs = []
    for layer in layers:
        bases, constant = _affine(graph, layer.drive, frozenset(stops) - {layer.value})
        for base, weight in bases.items():
            constant = constant + weight @ floor.get(stops[base], np.zeros(weight.shape[1]))
        shape = graph.type(layer.drive).shape
        slope: FloatArray | float = 1.0
        if layer.ramp is None:
            populations.append(Population(layer.name, "i", shape, {"r": np.ones(1)}, reset="none"))
            outputs.append(layer.name)
        else:
            made, slope, offset = _neuron(graph, layer, calibration, label, shape, start)
            constant = constant * slope + offset - layer.ramp.floor
            populations.append(made)
            quantum[layer.name] = made.value("v_threshold")
            floor[layer.name] = layer.ramp.floor
        for base, weight in bases.items():
            scaled = weight * np.reshape(slope, (-1, 1)) * quantum[stops[base]]
            projections.append(Projection(f"{stops[base]}->{layer.name}", stops[base], layer.name, Dense(scaled)))
        projections[-1] = replace(projections[-1], bias=np.broadcast_to(constant, (int(np.prod(shape)),)).copy())
    network = Network(graph.name, 1.0, tuple(populations), tuple(projections), tuple(outputs))
    network.verify()
    return network


def _layers(graph: Graph) -> list[_Layer]:
    """Activations, those that directly follow one another joined, and the outputs."""
    joined: dict[Value, _Layer] = {}
    for value, node in enumerate(graph.nodes):
        own = ramp(node)
        if own is None or node.constant is not None:
            continue
        drive = node.operands[0]
        before = joined.get(drive)
        if before is not None and before.ramp is not None and len(graph.users[drive]) == 1:
            joined.pop(drive)
            drive, own = before.drive, own.after(before.ramp)
        joined[value] = _Layer(f"a{len(joined)}", value, drive, own)
    named = [replace(layer, name=_name(graph, layer.value, k)) for k, layer in enumerate(joined.values())]
    count = Counter(layer.name for layer in named)  # one node of the model may have become several activations
    layers = [replace(a, name=f"{a.name}:{k}") if count[a.name] > 1 else a for k, a in enumerate(named)]
    for label, value in graph.outputs.items():
        node = graph.nodes[value]
        drive = node.operands[0] if isinstance(node.op, ArgMax) else value
        layers.append(_Layer(label, -1, drive, None))
    return layers


def _name(graph: Graph, value: Value, k: int) -> str:
    return graph.nodes[value].origin or f"layer{k}"


def _neuron(
    graph: Graph, layer: _Layer, calibration: FloatArray | None, label: str, shape: tuple[int, ...], start: float
) -> tuple[Population, FloatArray, FloatArray]:
    found = layer.ramp
    assert found is not None
    ceiling = found.ceiling
    if not np.isfinite(ceiling).all():
        if calibration is None:
            fail("NC923", "activation must have a ceiling, or calibration data must be given",
                 where=Where(node=layer.name), help="pass --calib DATA")  # fmt: skip
        seen = evaluate(graph, {label: calibration}, probes=(layer.value,))[f"%{layer.value}"]
        level = float(np.quantile(seen.astype(float), 0.999))
        ceiling = np.where(np.isfinite(ceiling), ceiling, max(level, 1e-6))
    worth = np.maximum(ceiling - found.floor, 1e-6)
    parameters = {"r": np.ones(1), "v_threshold": worth, "v_init": start * worth}
    made = Population(layer.name, "if", shape, parameters, reset="subtract", compare=">=")
    return made, found.slope, found.offset


def _affine(graph: Graph, drive: Value, stops: frozenset[Value]) -> tuple[dict[Value, FloatArray], FloatArray]:
    """{base: W (out, in)} and the constant of the map from the bases to `drive`. Raises NC923 if it is not affine."""
    needed, bases = _between(graph, drive, stops)
    if not bases:
        fail("NC923", "layer must depend on the input, not be constant", where=Where(node=graph.nodes[drive].origin))
    origins = {b: _origin(graph.type(b)) for b in bases}
    rest = {b: np.full((1, *graph.type(b).shape), origin) for b, (origin, _) in origins.items()}
    constant = _run(graph, needed, drive, rest).reshape(-1).astype(np.float64)
    maps = {}
    for base, (origin, step) in origins.items():
        eye = np.eye(int(np.prod(graph.type(base).shape)), dtype=np.int64).reshape(-1, *graph.type(base).shape)
        rows = []
        for k in range(0, len(eye), PROBE_CHUNK):
            unit = origin + step * eye[k : k + PROBE_CHUNK]
            given = {b: unit if b == base else np.repeat(z, len(unit), axis=0) for b, z in rest.items()}
            rows.append(_run(graph, needed, drive, given).reshape(len(unit), -1))
        maps[base] = (np.concatenate(rows).T.astype(np.float64) - constant[:, None]) / max(step, 1)
    for base, (origin, _) in origins.items():
        constant = constant - origin * maps[base].sum(axis=1)
    trial = {b: _drawn(graph.type(b)) for b in bases}
    want = sum((trial[b].reshape(TRIALS, -1) @ maps[b].T for b in bases), constant)
    if not np.allclose(_run(graph, needed, drive, trial).reshape(TRIALS, -1), want):
        names = sorted({graph.nodes[v].op.name for v in needed if graph.nodes[v].constant is None})
        fail(
            "NC923",
            f"operations between activations must be linear, not {', '.join(names)}",
            where=Where(node=graph.nodes[drive].origin),
            help="average pooling can be converted, maximum pooling and products of activations cannot",
        )
    return maps, constant


def _origin(kind: TensorType) -> tuple[int, int]:
    """Where to probe a value, and how far from there: only its own numbers have entries in a table.

    The distance is 0 for a value that never changes.
    """
    element = kind.int
    zero = element.lo <= 0 <= element.hi - element.step and element.lo % element.step == 0
    return (0 if zero else element.lo), (element.step if element.lo < element.hi else 0)


def _drawn(kind: TensorType) -> Any:
    """(TRIALS, *shape) integers of the whole range, its two ends first: a table is straight on few of its entries."""
    element = kind.int
    levels = (element.hi - element.lo) // element.step
    trials = element.lo + element.step * np.random.default_rng(1).integers(
        0, levels, (TRIALS, *kind.shape), endpoint=True
    )
    trials[0], trials[1] = element.lo, element.hi
    return trials


def _between(graph: Graph, drive: Value, stops: frozenset[Value]) -> tuple[list[Value], list[Value]]:
    needed: set[Value] = set()
    bases: set[Value] = set()
    stack = [drive]
    while stack:
        value = stack.pop()
        if value in stops:
            bases.add(value)
        elif value not in needed:
            needed.add(value)
            stack += graph.nodes[value].operands
    return sorted(needed), sorted(bases)


def _run(graph: Graph, needed: Sequence[Value], drive: Value, given: dict[Value, Any]) -> Any:
    values = dict(given)
    count = max(len(a) for a in given.values()) if given else 1
    for v in needed:
        node = graph.nodes[v]
        constant = node.constant
        operands = [values[o] for o in node.operands]
        values[v] = constant[None] if constant is not None else node.op.evaluate(*operands)
    return np.broadcast_to(values[drive], (count, *values[drive].shape[1:]))


def repeat(samples: Any, ticks: int) -> Any:
    """Direct encoding: every sample (N, ...) at every tick, (N, ticks, n)."""
    flat = np.asarray(samples).reshape(len(samples), 1, -1)
    return np.repeat(flat, ticks, axis=1)


__all__ = ["convert", "is_activation", "repeat"]
