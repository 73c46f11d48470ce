"""explore: search a space of configurations for the best trade-offs, resumable at any time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.compiler.config import resolve
from nc.compiler.data import Dataset
from nc.compiler.data.load import file_sha256
from nc.compiler.driver.compiling import read_data
from nc.compiler.exploring.goals import front
from nc.compiler.exploring.measure import Job, Measured, measure
from nc.compiler.exploring.space import Space, read_space
from nc.compiler.progress import Progress, Silent
from nc.ir.diagnostics import ToolMissing, Where, fail

RESULTS, LOCK, POINTS, DATABASE = "results.json", ".lock", "points", "study.db"


@dataclass(frozen=True)
class Exploration:
    """The result. `trials`: different points measured; `front`: points that keep every constraint and that no other
    dominates, by the first objective, each with `options`, `metrics` and its `build`; `baseline`: the options as they
    are without the space; `asked`: model, target, objectives, constraints and fidelity."""

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


def explore(
    model: Path | str,
    *,
    target: str,
    data: Dataset | Path | str,
    space: Space | Path | str | Mapping[str, Any],
    output: Path | str,
    calib: Dataset | Path | str | None = None,
    config: Path | str | None = None,
    set: Sequence[str] = (),
    storage: str | None = None,
    workers: str | int = 1,
    progress: Progress | None = None,
) -> Exploration:
    """Measure points of `space` and keep the best trade-offs in the folder `output`.

    `data` judges; without `calib` every other sample of it calibrates and the rest judge. A run that was killed goes on
    where it was: finished points are kept in the study's database and under `output`/points. `storage`: an SQLAlchemy
    URL that several runs share (default: SQLite in `output`); `workers`: processes, or dask://HOST:PORT.
    Raises NcError NC440 to NC445.
    """
    begin = time.perf_counter()
    model, output, progress = Path(model), Path(output), progress or Silent()
    space = space if isinstance(space, Space) else read_space(Path(space) if isinstance(space, str) else space)
    job = _job(model, target, data, space, output, calib, None if config is None else Path(config), set)
    try:
        from nc.compiler.exploring import study as studies
    except ImportError:
        fail("NC500", "Optuna must be installed for nc explore", help="pip install 'neural-compile[search]'",
             kind=ToolMissing)  # fmt: skip
    from nc.compiler.exploring import workers as pools

    name = _name(job, space)
    with _owned(output, name, shared=storage is not None):
        progress.stage("measure the options as they are")
        baseline = measure(job, {})
        url = storage or f"sqlite:///{(output / DATABASE).resolve()}"
        search = studies.Search(job, space, url, storage is None, name, _seed(job))
        study = _opened(studies, search)
        if search.own:
            studies.retry_lost(study)
        aim = int(min(space.trials, space.size))
        progress.stage(f"explore {aim} points on {target}")
        if not studies.finished(study, space):
            pools.run(search, str(workers), lambda: progress.advance(len(studies.distinct(study)), aim))
        return _result(studies, study, job, space, baseline, output, begin)


def _job(model: Path, target: str, data: Any, space: Space, output: Path, calib: Any, config: Path | None,
         assignments: Sequence[str]) -> Job:  # fmt: skip
    """What the points share, with every option of the space tried on the target's schema before any work."""
    backend = registry.find(target)
    fixed = tuple(f"{key}={json.dumps(value)}" for key, value in space.fixed.items())
    given = (*fixed, *assignments)
    settings = resolve(backend.Options, config, given)
    for corner in space.corners():
        resolve(backend.Options, config, (*given, *(f"{k}={json.dumps(v)}" for k, v in corner.items())))
    if not model.is_file():
        fail("NC005", "the model file must exist", where=Where(file=str(model)))
    judge = read_data(data, settings)
    assert judge is not None
    calibration = read_data(calib, settings)
    if calibration is None:
        calibration, judge = _part(judge, 0), _part(judge, 1)
    if "accuracy" in {*space.objectives, *(c.metric for c in space.constraints)}:
        judge.labels()
    return Job(model.resolve(), file_sha256(model), target, calibration, judge, config, given, space.fidelity,
               space.device, (output / POINTS).resolve())  # fmt: skip


def _part(data: Dataset, first: int) -> Dataset:
    """Every other sample."""
    if len(data) < 2:
        fail("NC404", "data must hold at least 2 samples, one to calibrate and one to judge, not 1",
             where=Where(file=data.name), help="give --calib as well")  # fmt: skip
    y = None if data.y is None else data.y[first::2]
    digest = hashlib.sha256(f"{data.sha256}:{first}".encode()).hexdigest()
    return replace(data, x=data.x[first::2], y=y, sha256=digest)


def _name(job: Job, space: Space) -> str:
    """The exploration's own name: how many trials are asked for may change, so that a run can be prolonged."""
    asked = space.model_dump(mode="json", exclude={"trials"})
    text = json.dumps({"space": asked, "base": job.key({}), "fidelity": job.fidelity}, sort_keys=True, default=str)
    return "nc-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _seed(job: Job) -> int:
    return resolve(registry.find(job.target).Options, job.config, job.assignments).common.seed


def _opened(studies: Any, search: Any) -> Any:
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

    try:
        return studies.open_study(search)
    except (ArgumentError, NoSuchModuleError, OperationalError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        fail(
            "NC444", f"the storage must be a database that answers: {reason}", help="--storage postgresql+psycopg://..."
        )


@contextmanager
def _owned(output: Path, name: str, *, shared: bool) -> Iterator[None]:
    """Hold the folder, alone unless the storage is shared (NC445), and make sure of what it holds (NC441)."""
    here = Where(file=str(output))
    try:
        (output / POINTS).mkdir(parents=True, exist_ok=True)
        lock = os.open(output / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        fail("NC422", f"the folder must be writable, not refused by the system: {error.strerror}", where=here)
    try:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            fail("NC445", "the exploration must not be running already", where=here)
        found = os.pread(lock, 200, 0).decode(errors="replace")
        if found not in ("", name):
            fail("NC441", "the folder must hold the same exploration, not one of another model, data or space",
                 where=here, help="name another folder with -o")  # fmt: skip
        os.pwrite(lock, name.encode(), 0)
        yield
    finally:
        os.close(lock)


def _result(studies: Any, study: Any, job: Job, space: Space, baseline: Measured, output: Path,
            begin: float) -> Exploration:  # fmt: skip
    """The front, its builds kept and all others removed, written to results.json."""
    good = studies.satisfying(study, space)
    first, direction = next(iter(space.objectives.items()))
    best = [good[i] for i in front([t.user_attrs["metrics"] for t in good], space.objectives)]
    best.sort(key=lambda t: t.user_attrs["metrics"][first], reverse=direction == "max")
    trials = list(studies.distinct(study).values())
    keep = {t.user_attrs["key"] for t in best} | {baseline.key}
    for place in job.folder.iterdir():
        if place.name not in keep:
            shutil.rmtree(place / "build", ignore_errors=True)
    result = Exploration(
        trials=len(trials),
        front=[_shown(t, output) for t in best],
        baseline={"metrics": dict(baseline.metrics), "error": baseline.error,
                  "build": str(output / POINTS / baseline.key / "build")},
        points=[_shown(t, None) for t in trials],
        seconds=round(time.perf_counter() - begin, 1),
        asked={"model": job.model.name, "target": job.target, "data": job.validation.name,
               "objectives": space.objectives, "constraints": list(map(str, space.constraints)),
               "fidelity": space.fidelity, "device": space.device},
    )  # fmt: skip
    if not best:
        _nothing(trials, space)
    (output / RESULTS).write_text(json.dumps(result.to_json(), indent=1) + "\n")
    return result


def _shown(trial: Any, output: Path | None) -> dict[str, Any]:
    attributes = trial.user_attrs
    found = {
        "options": trial.params,
        "metrics": attributes.get("metrics", {}),
        "fidelity": attributes["fidelity"],
        "seconds": attributes["seconds"],
        "error": attributes.get("error", ""),
    }
    if output is not None:
        found["build"] = str(output / POINTS / attributes["key"] / "build")
    return found


def _nothing(trials: Sequence[Any], space: Space) -> None:
    """NC442, with the point that comes nearest."""
    known = [t for t in trials if t.user_attrs.get("metrics")]
    if not known:
        refused = trials[0].user_attrs.get("error", "") if trials else "none was measured"
        fail("NC442", f"at least one point must compile, but all were refused: {refused}")

    def broken(trial: Any) -> float:
        found = [(c.violation(trial.user_attrs["metrics"]) or 0.0) / max(abs(c.bound), 1e-9) for c in space.constraints]
        return sum(max(0.0, v) for v in found)

    near = min(known, key=broken)
    metrics = near.user_attrs["metrics"]
    shown = ", ".join(f"{c.metric} {metrics[c.metric]:g}" for c in space.constraints if c.metric in metrics)
    rules = " and ".join(map(str, space.constraints))
    fail("NC442", f"at least one of {len(trials)} points must have {rules}; the nearest has {shown} with {near.params}")
