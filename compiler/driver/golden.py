"""The golden model on DATA: accuracy of the integer graph and of the float one, their agreement, and speed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np

from nc.compiler.data import Dataset
from nc.compiler.ports import decisions, inputs_of
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate


@dataclass(frozen=True)
class Evaluation:
    """`accuracy` is of the integer graph, `float_accuracy` of the float one; `agreement`: share of equal decisions.

    None where labels or the float graph are absent. `samples_per_second`: of the integer graph, on one core.
    """

    samples: int
    accuracy: float | None
    float_accuracy: float | None
    agreement: float | None
    samples_per_second: float

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def evaluate_graphs(integer: Graph, real: Graph | None, data: Dataset) -> Evaluation:
    """Run both graphs on every sample of `data`."""
    inputs = inputs_of(integer, data)
    start = time.perf_counter()
    outputs = evaluate(integer, inputs)
    seconds = time.perf_counter() - start
    decided = decisions(integer, outputs)
    wanted = None if real is None else decisions(real, evaluate(real, inputs_of(real, data)))
    return Evaluation(
        samples=len(data),
        accuracy=_share(decided, data.y),
        float_accuracy=None if wanted is None else _share(wanted, data.y),
        agreement=None if wanted is None else _share(decided, wanted),
        samples_per_second=round(len(data) / max(seconds, 1e-9), 1),
    )


def _share(decided: np.ndarray[tuple[int, ...], np.dtype[np.int64]], wanted: object) -> float | None:
    """The share of equal class indices, None when there is nothing to compare with."""
    return None if wanted is None else float(np.mean(decided == np.asarray(wanted)))
