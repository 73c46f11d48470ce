"""Where precision is lost: each layer of the integer graph against the same layer of the float graph, on data.

A layer is what both graphs call by one name of the model file, where the integers' meaning (scale, offset) is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.compiler.config import Settings
from nc.compiler.data import Dataset
from nc.compiler.driver.forms import Form
from nc.compiler.ports import real_of
from nc.compiler.scores import sqnr_db
from nc.ir.diagnostics import fail
from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate

SAMPLES = 512


@dataclass(frozen=True)
class LayerError:
    """`sqnr_db`: signal over quantisation noise of the layer's result, None where the two are equal or the float layer
    is all 0; `max_error`: the largest difference, in real numbers; `bits`: of the layer's integers."""

    layer: str
    op: str
    bits: int
    sqnr_db: float | None
    max_error: float


def layer_errors(form: Form, settings: Settings, integer: Any, real: Any, samples: Dataset) -> list[LayerError]:
    """Worst first, on the first SAMPLES samples. NC432 where there is no float graph, or the model has no tensors."""
    if not isinstance(integer, Graph) or not isinstance(real, Graph):
        reason = "was compiled with --no-float" if isinstance(integer, Graph) else "is a spiking network"
        fail("NC432", f"layers must have a float graph to be compared with, but the model {reason}",
             help="leave out --layers, or compile without --no-float")  # fmt: skip
    pairs = _pairs(integer, real)
    head = samples.head(SAMPLES)
    found = evaluate(integer, form.bind(integer, head, settings), probes=tuple(v for v, _ in pairs.values()))
    wanted = evaluate(real, form.bind(real, head, settings), probes=tuple(v for _, v in pairs.values()))
    rows = []
    for name, (ours, theirs) in pairs.items():
        kind = integer.type(ours)
        numbers, reference = real_of(found[f"%{ours}"], kind).ravel(), wanted[f"%{theirs}"].ravel()
        error = float(np.abs(numbers - reference).max(initial=0))
        ratio = sqnr_db(numbers, reference)
        rows.append(LayerError(name, real.nodes[theirs].op.name, kind.int.bits, ratio, error))
    return sorted(rows, key=lambda row: (row.sqnr_db is None, row.sqnr_db or 0.0))


def _pairs(integer: Graph, real: Graph) -> dict[str, tuple[Value, Value]]:
    """By name the last value of each graph, where the two have equally many elements."""
    known = {n.origin: v for v, n in enumerate(integer.nodes) if n.origin and n.type.is_int and n.type.meaning}
    named = {n.origin: v for v, n in enumerate(real.nodes) if n.origin in known and n.constant is None}
    return {o: (known[o], v) for o, v in named.items() if integer.type(known[o]).size == real.type(v).size}
