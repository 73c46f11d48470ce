"""Warnings of what a user would not want, from the integer graph and the calibration data: constant outputs, classes
that are never decided, unused inputs, clipped samples, very wide words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nc.compiler.answers import answers
from nc.compiler.data import Dataset
from nc.compiler.ports import inputs_of, real_inputs_of, real_of
from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate

SAMPLES = 512
LEAST = 8  # samples from which something is said about all
CLIPPED = 0.01  # share of an input's calibration values
WIDEST = 32  # bits


def suspicions(integer: Graph, reference: Graph | None, calibration: Dataset | None) -> list[Diagnostic]:
    """NC316 to NC320, as warnings. `reference`: the float graph with its outputs as the integer graph's."""
    found = [*_unused(integer), *_wide(integer), *_constant(integer)]
    if calibration is None or len(calibration) < LEAST or not calibration.varied:
        return found
    named = {d.where.tensor for d in found if d.code == "NC316"}
    return [*found, *_clipped(integer, calibration), *_decided(integer, reference, calibration, named)]


def _warning(code: str, message: str, where: Where, help: str) -> Diagnostic:
    return Diagnostic(code, message, where, help=help, severity="warning")


def _unused(graph: Graph) -> Iterator[Diagnostic]:
    reached: set[int] = set()
    waiting = list(graph.outputs.values())
    while waiting:
        value = waiting.pop()
        if value not in reached:
            reached.add(value)
            waiting += graph.nodes[value].operands
    for label, value in graph.inputs.items():
        if value not in reached:
            yield _warning("NC318", f"input '{label}' must reach an output, and does not", Where(tensor=label),
                           "nc inspect MODEL shows what reads it; export the model without it")  # fmt: skip


def _wide(graph: Graph) -> Iterator[Diagnostic]:
    """The first operation of each layer that makes a wide word from narrower ones."""
    wide = [n.type.is_int and n.type.int.bits > WIDEST for n in graph.nodes]
    for value, node in enumerate(graph.nodes):
        if wide[value] and node.constant is None and not any(wide[o] for o in node.operands if o < value):
            yield _warning(
                "NC320",
                f"a word should have {WIDEST} bits at most, not {node.type.int.bits}: '{node.op.name}' makes it",
                Where(node=node.origin), "a quantiser in front of it, fewer bits (--set quantise.activation_bits=6, "
                "--set quantise.weight_bits=6), or scales that are powers of two make it narrower")  # fmt: skip


def _constant(graph: Graph) -> Iterator[Diagnostic]:
    for label, value in graph.outputs.items():
        kind = graph.type(value)
        if kind.is_int and kind.int.lo == kind.int.hi:
            yield _never_changes(label, "is the same for every input", kind.int.lo)


def _never_changes(label: str, how: str, value: object) -> Diagnostic:
    return _warning("NC316", f"output '{label}' should depend on the input, but {how} ({value})", Where(tensor=label),
                    "nc eval BUILD --data DATA --layers shows the layer where the signal is lost; give calibration "
                    "data of the model's own range, or more bits (--set quantise.activation_bits=10)")  # fmt: skip


def _clipped(graph: Graph, data: Dataset) -> Iterator[Diagnostic]:
    for label, real in real_inputs_of(graph, data).items():
        kind = graph.type(graph.inputs[label])
        if not kind.is_int:
            continue
        one, other = (real_of(np.full((1, *kind.shape), end), kind) for end in (kind.int.lo, kind.int.hi))
        low, high = np.minimum(one, other), np.maximum(one, other)
        half = (high - low) / max(kind.int.hi - kind.int.lo, 1) / 2
        share = float(np.mean((real < low - half) | (real > high + half)))
        if share > CLIPPED:
            yield _warning(
                "NC319", f"at most {CLIPPED:.0%} of the calibration values should be clipped at input '{label}', not "
                f"{share:.1%}: the port holds {float(low.min()):g} to {float(high.max()):g}",
                Where(data.name, tensor=label), f"--set input.{label}.range=[{float(real.min()):g},"
                f"{float(real.max()):g}] covers them, as does a larger scale")  # fmt: skip


def _decided(graph: Graph, reference: Graph | None, data: Dataset, named: set[str]) -> Iterator[Diagnostic]:
    head = data.head(SAMPLES)
    outputs = evaluate(graph, inputs_of(graph, head))
    for label, array in outputs.items():
        if label not in named and len(array) >= LEAST and not (array != array[0]).any():
            named.add(label)
            yield _never_changes(label, f"is the same for {len(array)} calibration samples",
                                 ", ".join(map(str, array[0].ravel()[:4])))  # fmt: skip
    first = answers(graph, outputs, reference)[0]
    if head.y is None or first.name in named or int(head.y.max()) >= first.classes:
        return
    seen, decided = np.unique(head.y), np.unique(first.decided)
    if len(decided) < len(seen):
        never = ", ".join(map(str, [c for c in seen if c not in decided][:8]))
        yield _warning(
            "NC317",
            f"every class of the calibration data should be decided once, but class {never} never is",
            Where(data.name, tensor=first.name),
            "nc eval BUILD --data DATA compares with the float model: where that "
            "is right, more bits (--set quantise.activation_bits=10); otherwise the data are not as in training",
        )
