"""eval: the golden model of a build on DATA, beside the float model it came from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.config import Settings
from nc.compiler.data import Data, Dataset
from nc.compiler.driver.forms import Form
from nc.compiler.driver.opened import Opened
from nc.ir.diagnostics import InternalError


@dataclass(frozen=True)
class Evaluation:
    """`accuracy` is of the integer model, `float_accuracy` of the float one; `agreement`: share of equal decisions.

    None where labels or the float model are absent. `samples_per_second`: of the integer model, on one core. `more`:
    what one kind of model alone has to say (spiking: NeuroBench's metrics, accuracy by ticks).
    """

    samples: int
    accuracy: float | None
    float_accuracy: float | None
    agreement: float | None
    samples_per_second: float
    more: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The fields of `nc eval --json`."""
        own = {name: value for name, value in vars(self).items() if name != "more"}
        return {**own, **self.more}


def evaluate(build: Path | str | Opened, data: Data) -> Evaluation:
    """Run the integer and the float model on every sample of DATA. Written to reports/eval.json."""
    opened = build if isinstance(build, Opened) else Opened.of(build)
    samples = opened.data(data)
    if samples is None:
        raise InternalError("evaluate needs DATA")
    result = judged(opened.form, opened.settings, opened.integer, opened.real, samples)
    opened.build.report("eval", result.to_json())
    return result


def judged(form: Form, settings: Settings, integer: Any, real: Any, samples: Dataset) -> Evaluation:
    """The same for models in memory; `real` is None where there is nothing to compare with."""
    inputs = form.bind(integer, samples, settings)
    begin = time.perf_counter()
    outputs = form.run(integer, inputs)
    seconds = time.perf_counter() - begin
    decided = form.decide(integer, outputs)
    wanted = None if real is None else form.decide(real, form.run(real, form.bind(real, samples, settings)))
    further = getattr(form, "evaluated", None)
    return Evaluation(
        samples=len(samples),
        accuracy=_share(decided, samples.y),
        float_accuracy=None if wanted is None else _share(wanted, samples.y),
        agreement=_share(decided, wanted),
        samples_per_second=round(len(samples) / max(seconds, 1e-9), 1),
        more={} if further is None else further(integer, inputs, outputs, samples.y),
    )


def _share(decided: NDArray[Any], wanted: NDArray[Any] | None) -> float | None:
    """The share of equal class indices, None when there is nothing to compare with."""
    return None if wanted is None else float(np.mean(decided == wanted))
