"""eval: the golden model of a build on DATA, beside the float model it came from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nc.compiler.answers import Answer
from nc.compiler.config import Settings
from nc.compiler.data import Data, Dataset
from nc.compiler.driver.forms import Form
from nc.compiler.driver.layers import LayerError, layer_errors
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.tasks import Task, labels_of, task_of
from nc.compiler.scores import r_squared, rmse, share, sqnr_db
from nc.ir.diagnostics import InternalError


@dataclass(frozen=True)
class Row:
    """One output. Fields of the other task, and those that need labels or the float model that is not there, are None.

    `accuracy`, `rmse`, `r2`: of the integer model against the labels, `float_…` of the float one; `agreement`: share of
    equal decisions of the two; `sqnr_db`: of the integer model's numbers against the float model's, None also where
    they are equal; `max_error`: the largest difference of the two.
    """

    output: str
    task: Task
    classes: int | None = None
    accuracy: float | None = None
    float_accuracy: float | None = None
    agreement: float | None = None
    rmse: float | None = None
    float_rmse: float | None = None
    r2: float | None = None
    float_r2: float | None = None
    sqnr_db: float | None = None
    max_error: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """`accuracy` is of the integer model, `float_accuracy` of the float one; `agreement`: share of equal decisions.

    None where labels or the float model are absent, and in regression. They are those of the first of `outputs`.
    `samples_per_second`: of the integer model, on one core. `layers`: worst first, None where they were not asked for.
    `more`: what one kind of model alone has to say (spiking: NeuroBench's metrics, accuracy by ticks).
    """

    samples: int
    accuracy: float | None
    float_accuracy: float | None
    agreement: float | None
    samples_per_second: float
    more: Mapping[str, object] = field(default_factory=dict)
    outputs: Sequence[Row] = ()
    layers: Sequence[LayerError] | None = None

    def to_json(self) -> dict[str, object]:
        """The fields of `nc eval --json`."""
        own = {name: getattr(self, name) for name in ("samples", "accuracy", "float_accuracy", "agreement")}
        own["samples_per_second"] = self.samples_per_second
        if self.outputs:
            first = asdict(self.outputs[0])
            own |= {name: value for name, value in first.items() if name not in ("output", *own)}
        own["outputs"] = [asdict(row) for row in self.outputs]
        if self.layers is not None:
            own["layers"] = [asdict(layer) for layer in self.layers]
        return {**own, **self.more}


def evaluate(build: Path | str | Opened, data: Data, *, task: Task | None = None, layers: bool = False) -> Evaluation:
    """Run the integer and the float model on every sample of DATA. Written to reports/eval.json.

    `task`: what the labels are, where it is not to be found from them; `layers`: also how far each layer of the integer
    graph is from the float graph's (NC432 where there is nothing to compare). Raises NC407, NC433 for labels that the
    outputs cannot have.
    """
    opened = build if isinstance(build, Opened) else Opened.of(build)
    samples = opened.data(data)
    if samples is None:
        raise InternalError("evaluate needs DATA")
    result = judged(opened.form, opened.settings, opened.integer, opened.real, samples, task=task, layers=layers)
    opened.build.report("eval", result.to_json())
    return result


def judged(
    form: Form, settings: Settings, integer: Any, real: Any, samples: Dataset, *, task: Task | None = None,
    layers: bool = False,
) -> Evaluation:  # fmt: skip
    """The same for models in memory; `real` is None where there is nothing to compare with."""
    inputs = form.bind(integer, samples, settings)
    begin = time.perf_counter()
    outputs = form.run(integer, inputs)
    seconds = time.perf_counter() - begin
    reference = None if real is None else form.reference(real, settings)
    found = form.answers(integer, outputs, reference, real)
    wanted: Sequence[Answer | None] = [None] * len(found)
    if reference is not None:
        theirs = form.run(reference, form.bind(reference, samples, settings))
        wanted = form.answers(reference, theirs, reference, real)
    rows = []
    for k, (answer, reference) in enumerate(zip(found, wanted, strict=True)):
        labelled = samples if k == 0 else None  # labels are of the first output
        rows.append(_row(answer, reference, task_of(answer, labelled, task), labelled))
    further = getattr(form, "evaluated", None)
    classes = samples.y if rows[0].task == "classification" else None
    return Evaluation(
        samples=len(samples),
        accuracy=rows[0].accuracy,
        float_accuracy=rows[0].float_accuracy,
        agreement=rows[0].agreement,
        samples_per_second=round(len(samples) / max(seconds, 1e-9), 1),
        more={} if further is None else further(integer, inputs, outputs, classes),
        outputs=rows,
        layers=layer_errors(form, settings, integer, real, samples) if layers else None,
    )


def _row(found: Answer, wanted: Answer | None, task: Task, samples: Dataset | None) -> Row:
    noise: dict[str, Any] = {}
    if wanted is not None and found.values is not None and wanted.values is not None:
        difference = abs(found.values - wanted.values)
        noise = {"sqnr_db": sqnr_db(found.values, wanted.values), "max_error": float(difference.max(initial=0))}
    labels = None if samples is None else labels_of(found, samples, task)
    if task == "classification":
        return Row(
            found.name,
            task,
            classes=found.classes,
            accuracy=None if labels is None else share(found.decided, labels),
            float_accuracy=None if labels is None or wanted is None else share(wanted.decided, labels),
            agreement=None if wanted is None else share(found.decided, wanted.decided),
            **noise,
        )
    of_integers, of_floats = (None if a is None else a.shown for a in (found, wanted))
    return Row(
        found.name,
        task,
        rmse=None if of_integers is None or labels is None else rmse(of_integers, labels),
        float_rmse=None if of_floats is None or labels is None else rmse(of_floats, labels),
        r2=None if of_integers is None or labels is None else r_squared(of_integers, labels),
        float_r2=None if of_floats is None or labels is None else r_squared(of_floats, labels),
        **noise,
    )
