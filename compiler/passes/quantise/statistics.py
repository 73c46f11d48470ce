"""What calibration data say about a value: extremes, and a sample of its distribution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate
from nc.ir.ops.base import Array

SAMPLE = 1 << 17  # numbers kept of each value
CHUNK = 256


@dataclass(frozen=True)
class Statistics:
    """`lo`, `hi` over all data; `sample`: up to SAMPLE of its numbers, evenly spaced."""

    lo: float
    hi: float
    sample: Array

    @classmethod
    def of(cls, data: Array) -> Statistics:
        flat = np.asarray(data, np.float64).ravel()
        return cls(float(flat.min()), float(flat.max()), flat[:: max(1, flat.size // SAMPLE)])

    def merged(self, other: Statistics) -> Statistics:
        return Statistics(min(self.lo, other.lo), max(self.hi, other.hi), np.concatenate([self.sample, other.sample]))


def observe(graph: Graph, inputs: Mapping[str, Array], values: Iterable[Value]) -> dict[Value, Statistics]:
    """Statistics of `values` while the float graph runs on `inputs`; memory stays bounded by chunks."""
    wanted = tuple(sorted(values))
    samples = min(len(a) for a in inputs.values())
    chunk = samples if graph.states else CHUNK  # a sequence goes on from sample to sample
    chunks = -(-samples // chunk)
    seen: dict[Value, Statistics] = {}
    for start in range(0, samples, chunk):
        part = {label: array[start : start + chunk] for label, array in inputs.items()}
        results = evaluate(graph, part, probes=wanted)
        for value in wanted:
            flat = results[f"%{value}"].ravel()
            if not np.all(np.isfinite(flat)):
                node = graph.nodes[value]
                fail(
                    "NC303",
                    f"the result of '{node.op.name}' must be finite on the calibration data",
                    where=Where(node=node.origin),
                    op=node.op.name,
                    help="clip its input to where the function is defined",
                )
            thin = Statistics(float(flat.min()), float(flat.max()), flat[:: max(1, flat.size * chunks // SAMPLE)])
            seen[value] = seen[value].merged(thin) if value in seen else thin
    return seen
