"""eval: the golden model of a build on DATA, beside the float model it came from."""

from __future__ import annotations

from pathlib import Path

from nc.compiler.data import Dataset
from nc.compiler.driver.golden import Evaluation, evaluate_graphs
from nc.compiler.driver.opened import Opened
from nc.ir.diagnostics import InternalError


def evaluate(build: Path | str | Opened, data: Dataset | Path | str) -> Evaluation:
    """Accuracy, agreement with the float model, and speed, on every sample of DATA. Written to reports/eval.json."""
    opened = build if isinstance(build, Opened) else Opened.of(build)
    samples = opened.data(data)
    if samples is None:
        raise InternalError("evaluate needs DATA")
    result = evaluate_graphs(opened.integer, opened.real, samples)
    opened.build.report("eval", result.to_json())
    return result
