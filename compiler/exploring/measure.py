"""Measures one point: compile, evaluate, synthesise, every step stored by the hash of all that it depends on."""

from __future__ import annotations

import fcntl
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.compiler.builds import manifest
from nc.compiler.config import resolve
from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import IntegerModel, integer_model, lowered
from nc.compiler.driver.evaluating import judged
from nc.compiler.driver.synthesising import synth
from nc.compiler.exploring.space import Fidelity, Value
from nc.ir.diagnostics import NcError

Point = Mapping[str, Value]
Assignments = tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """What all points of an exploration share. `folder`: where points are stored; `assignments`: options of all."""

    model: Path
    model_sha256: str
    target: str
    calibration: Dataset
    validation: Dataset
    config: Path | None
    assignments: Assignments
    fidelity: Fidelity
    device: str | None
    folder: Path

    def options(self, point: Point) -> Assignments:
        """The assignments of a point: the job's, then its own."""
        return (*self.assignments, *(f"{key}={json.dumps(value)}" for key, value in sorted(point.items())))

    def key(self, point: Point) -> str:
        """SHA-256 of all that a point's figures depend on. Raises NcError where the options are wrong."""
        settings = resolve(registry.find(self.target).Options, self.config, self.options(point))
        parts = {
            "model": self.model_sha256,
            "calibration": self.calibration.sha256,
            "validation": self.validation.sha256,
            "target": self.target,
            "options": settings.to_json(),
            "device": self.device,
            "libraries": manifest.versions(),
            "tool": manifest.tool_version(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


SYNTHESISED = frozenset({"luts", "ffs", "brams", "dsps"})
"""Figures that estimates have too: where synthesis is to measure them, an estimate does not stand beside."""


@dataclass(frozen=True)
class Measured:
    """A point's figures. `fidelity`: how far it was taken; `error`: why it has none."""

    key: str
    metrics: Mapping[str, float]
    fidelity: str
    seconds: float = 0.0
    error: str = ""


def measure(
    job: Job, point: Point, promote: Callable[[Mapping[str, float]], bool] = lambda _: True, last: str | None = None
) -> Measured:
    """The figures of a point, from cheap to dear: of the integer model on the data, of the lowered design, of
    synthesis; the next step only where `promote` says so on the figures so far, and none after `last`.

    What was measured before is read, not measured again; of two workers at one point the second waits. A refused point
    (NcError) has an `error` and no figures.
    """
    key = job.key(point)
    begin = time.perf_counter()
    steps = _Steps(job, point, job.folder / key / "build")
    metrics: dict[str, float] = {}
    reached = ""
    try:
        with _alone(job.folder / key):
            for reached, make in steps.of(job.fidelity):
                found = _stored(job.folder / key / f"{reached}.json", make)
                estimated = reached == "estimate" != job.fidelity
                metrics |= {k: v for k, v in found.items() if not (estimated and k in SYNTHESISED)}
                if reached == last or not promote(metrics):
                    break
    except NcError as error:
        return Measured(key, {}, "refused", time.perf_counter() - begin, str(error.diagnostics[0].message))
    return Measured(key, metrics, reached, time.perf_counter() - begin)


@dataclass(frozen=True, eq=False)
class _Steps:
    """The steps of measuring one point; what a step leaves is made again where only its figures were kept."""

    job: Job
    point: Point
    build: Path

    def of(self, fidelity: Fidelity) -> list[tuple[str, Callable[[], dict[str, float]]]]:
        cheap = [("integer", self._judged), ("estimate", self._lowered)]
        return cheap if fidelity == "estimate" else [*cheap, (fidelity, self._synthesised)]

    @cached_property
    def _model(self) -> IntegerModel:
        job = self.job
        return integer_model(str(job.model), target=job.target, calib=job.calibration, config=job.config,
                             set=job.options(self.point))  # fmt: skip

    def _judged(self) -> dict[str, float]:
        model = self._model
        found = judged(model.form, model.settings, model.integer, model.real, self.job.validation).to_json()
        del found["samples_per_second"]  # of this machine, not of the point
        return figures(found)

    def _lowered(self) -> dict[str, float]:
        return figures(lowered(self._model, self.build).build.manifest.estimate)

    def _synthesised(self) -> dict[str, float]:
        if not (self.build / manifest.NAME).is_file():
            self._lowered()
        found = synth(self.build, device=self.job.device, pnr=self.job.fidelity == "pnr").to_json()
        del found["seconds"]
        return figures(found)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Nobody else works on this point; a lock that dies with its process."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def figures(fields: Mapping[str, Any]) -> dict[str, float]:
    """All numbers of a result by name, those of inner mappings as 'outer.inner'.

    >>> figures({"luts": 3, "power_mw": {"1.0": 2.5}, "device": "x", "fmax_mhz": None})
    {'luts': 3.0, 'power_mw.1.0': 2.5}
    """
    found: dict[str, float] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": number for inner, number in figures(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def _stored(path: Path, make: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The JSON object at `path`, made and written in one step where it is missing."""
    if path.is_file():
        found: dict[str, float] = json.loads(path.read_text())
        return found
    made = make()
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(json.dumps(made, indent=1))
    Path(file.name).replace(path)
    return made
