"""What an exploration found: the front, the points behind it, and the options as they were, kept in results.json."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from nc.compiler.data import Dataset
from nc.compiler.driver.evaluating import evaluate
from nc.compiler.exploring.goals import front
from nc.compiler.exploring.measure import Job, Measured
from nc.compiler.exploring.space import Space
from nc.ir.diagnostics import fail

RESULTS, POINTS = "results.json", "points"


@dataclass(frozen=True)
class Exploration:
    """The result. `trials`: different points measured; `front`: points that keep every constraint and that no other
    dominates, by the first objective, each with `options`, `metrics`, `build`, and `test` where test data are given;
    `baseline`: the options as they are without the space; `asked`: model, target, objectives, constraints, fidelity."""

    trials: int
    front: Sequence[Mapping[str, Any]]
    baseline: Mapping[str, Any]
    points: Sequence[Mapping[str, Any]]
    seconds: float
    asked: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The fields of `nc explore --json`."""
        return {
            "trials": self.trials,
            "front": list(self.front),
            "seconds": self.seconds,
            "baseline": dict(self.baseline),
            "points": list(self.points),
            **self.asked,
        }

    def _repr_html_(self) -> str:
        from nc.compiler.report.notebook import exploration_html

        return exploration_html(self.to_json())


def results(job: Job, space: Space, baseline: Measured, good: Sequence[Any], trials: Sequence[Any], output: Path,
            test: Dataset | None, begin: float) -> Exploration:  # fmt: skip
    """Written to results.json; the builds of the front and of the baseline are kept, all others removed.

    `trials`: of all points, `good`: of those that keep every constraint. `test` judges what was found and decides
    nothing. Raises NC442 where no point is good.
    """
    if not good:
        _nothing(trials, space)
    first, direction = next(iter(space.objectives.items()))
    best = [good[i] for i in front([t.user_attrs["metrics"] for t in good], space.objectives)]
    best.sort(key=lambda t: t.user_attrs["metrics"][first], reverse=direction == "max")
    keep = {t.user_attrs["key"] for t in best} | {baseline.key}
    for place in job.folder.iterdir():
        if place.name not in keep:
            shutil.rmtree(place / "build", ignore_errors=True)
    result = Exploration(
        trials=len(trials),
        front=[_shown(t) | _built(output, t.user_attrs["key"], test) for t in best],
        baseline={"metrics": dict(baseline.metrics), "error": baseline.error,
                  **_built(output, baseline.key, None if baseline.error else test)},
        points=[_shown(t) for t in trials],
        seconds=round(time.perf_counter() - begin, 1),
        asked={"model": job.model.name, "target": job.target, "data": job.validation.name,
               "test": None if test is None else test.name,
               "objectives": space.objectives, "constraints": list(map(str, space.constraints)),
               "fidelity": space.fidelity, "device": space.device},
    )  # fmt: skip
    (output / RESULTS).write_text(json.dumps(result.to_json(), indent=1) + "\n")
    return result


def _shown(trial: Any) -> dict[str, Any]:
    attributes = trial.user_attrs
    return {
        "options": trial.params,
        "metrics": attributes.get("metrics", {}),
        "fidelity": attributes["fidelity"],
        "seconds": attributes["seconds"],
        "error": attributes.get("error", ""),
    }


def _built(output: Path, key: str, test: Dataset | None) -> dict[str, Any]:
    """Where the build lies, and what it does on data that no search has seen. `standard_error` is of the accuracy, as
    of so many independent samples."""
    build = output / POINTS / key / "build"
    if test is None:
        return {"build": str(build)}
    found = evaluate(build, test)
    share = found.accuracy if found.accuracy is not None else found.agreement or 0.0
    spread = math.sqrt(share * (1 - share) / found.samples)
    figures = {"samples": found.samples, "accuracy": found.accuracy, "agreement": found.agreement}
    return {"build": str(build), "test": {**figures, "standard_error": round(spread, 4)}}


def _nothing(trials: Sequence[Any], space: Space) -> NoReturn:
    """NC442, with the point that comes nearest."""
    known = [t for t in trials if t.user_attrs.get("metrics")]
    if not known:
        refused = trials[0].user_attrs.get("error", "") if trials else "none was measured"
        fail("NC442", f"at least one point must compile, but all were refused: {refused}")

    def broken(trial: Any) -> float:
        found = [
            (c.violation(trial.user_attrs["metrics"]) or 0.0) / max(abs(c.bound or 0.0), 1e-9)
            for c in space.constraints
        ]
        return sum(max(0.0, v) for v in found)

    near = min(known, key=broken)
    metrics = near.user_attrs["metrics"]
    shown = ", ".join(f"{c.metric} {metrics[c.metric]:g}" for c in space.constraints if c.metric in metrics)
    rules = " and ".join(map(str, space.constraints))
    fail("NC442", f"at least one of {len(trials)} points must have {rules}; the nearest has {shown} with {near.params}")
