"""explore: search a space of configurations for the best trade-offs, resumable at any time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.compiler.config import Settings, resolve
from nc.compiler.data import Data, Dataset
from nc.compiler.data.load import file_sha256
from nc.compiler.driver.compiling import read_data
from nc.compiler.driver.forms import form_of
from nc.compiler.driver.models import load_model
from nc.compiler.exploring.measure import Job, Measured, measure
from nc.compiler.exploring.results import POINTS, Exploration, results
from nc.compiler.exploring.space import Space, read_space
from nc.compiler.progress import Progress, Silent
from nc.ir.diagnostics import ToolMissing, Where, fail, suggest

LOCK, DATABASE = ".lock", "study.db"


def explore(
    model: Path | str,
    *,
    target: str,
    data: Data,
    space: Space | Path | str | Mapping[str, Any],
    output: Path | str,
    calib: Data | None = None,
    config: Path | str | None = None,
    set: Sequence[str] = (),
    storage: str | None = None,
    workers: str | int = 1,
    test: Data | None = None,
    progress: Progress | None = None,
) -> Exploration:
    """Measure points of `space` and keep the best trade-offs in the folder `output`.

    `data` judges; without `calib` every other sample of it calibrates and the rest judge. A run that was killed goes on
    where it was: finished points are kept in the study's database and under `output`/points. `storage`: an SQLAlchemy
    URL that several runs share (default: SQLite in `output`); `workers`: processes, or dask://HOST:PORT. `test`: what
    was found is judged on these samples, too, when the search is over. Raises NcError NC440 to NC446.
    """
    begin = time.perf_counter()
    model, output, progress = Path(model), Path(output), progress or Silent()
    space = space if isinstance(space, Space) else read_space(Path(space) if isinstance(space, str) else space)
    job = _job(model, target, data, space, output, calib, None if config is None else Path(config), set)
    settings = _settings(job)
    kept = read_data(test, settings, _inputs(model, target, settings), job.validation.classes, job.validation.label)
    if kept is not None and _labelled(space):
        kept.labels()
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
        space = _compared(space, baseline)
        url = storage or f"sqlite:///{(output / DATABASE).resolve()}"
        search = studies.Search(job, space, url, storage is None, name, settings.common.seed, baseline.metrics)
        study = _opened(studies, search)
        if search.own:
            studies.retry_lost(study)
        progress.stage(f"explore {int(min(space.trials, space.size))} points on {target}")
        if not studies.done(study, search):
            pools.run(search, str(workers), lambda: progress.advance(*studies.steps(study, search)))
        progress.stage("judge the front")
        trials = list(studies.distinct(study).values())
        return results(job, space, baseline, studies.satisfying(study, space), trials, output, kept, begin)


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
    inputs = _inputs(model, target, settings)
    calibration = read_data(calib, settings, inputs)
    known = ((), "") if calibration is None else (calibration.classes, calibration.label)
    judge = read_data(data, settings, inputs, *known)
    assert judge is not None
    if calibration is None:
        calibration, judge = _part(judge, 0), _part(judge, 1)
    if _labelled(space):
        judge.labels()
    return Job(model.resolve(), file_sha256(model), target, calibration, judge, config, given, space.fidelity,
               space.device, (output / POINTS).resolve())  # fmt: skip


def _inputs(model: Path, target: str, settings: Settings) -> Mapping[str, tuple[int, ...]]:
    """Sample shapes by input name."""
    source = load_model(model, settings.options, settings.common)
    return form_of(source.model, registry.find(target).stage).shapes(source.model)


def _labelled(space: Space) -> bool:
    return "accuracy" in {*space.objectives, *(c.metric for c in space.constraints)}


def _compared(space: Space, baseline: Measured) -> Space:
    """The space with a number for each `default`, and with names of figures that exist (NC440, NC446)."""
    rules = tuple(c.against(baseline.metrics) for c in space.constraints)
    named = [*space.objectives, *(c.metric for c in rules)]
    if baseline.metrics and (missing := [k for k in named if k not in baseline.metrics]):
        fail("NC440", f"'{missing[0]}' must be a figure of a point, one of {', '.join(sorted(baseline.metrics))}",
             help=suggest(missing[0], baseline.metrics))  # fmt: skip
    if any(c.bound is None for c in rules):
        fail("NC446", f"the default options must compile to be compared with, not be refused: {baseline.error}",
             help="constraints with numbers need no default")  # fmt: skip
    return space.model_copy(update={"constraints": rules})


def _part(data: Dataset, first: int) -> Dataset:
    """Every other sample."""
    if len(data) < 2:
        fail("NC404", "data must hold at least 2 samples, one to calibrate and one to judge, not 1",
             where=Where(file=data.name), help="give --calib as well")  # fmt: skip
    digest = hashlib.sha256(f"{data.sha256}:{first}".encode()).hexdigest()
    return replace(data.part(slice(first, None, 2)), sha256=digest)


def _name(job: Job, space: Space) -> str:
    """The exploration's own name: how many trials are asked for may change, so that a run can be prolonged."""
    asked = space.model_dump(mode="json", exclude={"trials"})
    text = json.dumps({"space": asked, "base": job.key({}), "fidelity": job.fidelity}, sort_keys=True, default=str)
    return "nc-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(job: Job) -> Settings:
    return resolve(registry.find(job.target).Options, job.config, job.assignments)


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
