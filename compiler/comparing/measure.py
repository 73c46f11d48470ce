"""One column of a comparison: the model compiled for one target, verified, evaluated, simulated, synthesised."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nc.backends.backend import Link
from nc.compiler.comparing.columns import SYNTHESISED, Evidence, figures
from nc.compiler.comparing.figures import Figure
from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.evaluating import evaluate
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import Simulation, simulate
from nc.compiler.driver.synthesising import synth
from nc.compiler.driver.vectors import default_vectors
from nc.compiler.driver.verifying import verify
from nc.compiler.progress import Progress
from nc.compiler.yaml_text import Document
from nc.ir.diagnostics import Diagnostic, NcError, ToolMissing
from nc.sim.bench import stream_of

VECTORS = 64


@dataclass(frozen=True)
class Task:
    """What is to be measured for one target. `build`: the folder to write; `vectors`: samples that the hardware
    runs, None for 64 or fewer where one takes long; `fidelity`: estimate, synth or pnr, for targets whose size only
    synthesis knows; `device`: for these."""

    target: str
    model: str
    build: Path
    calibration: Dataset | None
    data: Dataset
    config: Document
    assignments: tuple[str, ...]
    vectors: int | None
    fidelity: str
    device: str | None


@dataclass(frozen=True)
class Column:
    """What was measured for one target. `refused`: why the target does not take the model; empty where it does.
    `links`: the verification chain; `hardware`: whether what ran on the samples was right, None where nothing ran;
    `first_mismatch`: where it was not; `seconds`: of everything."""

    target: str
    build: Path | None = None
    refused: Sequence[Diagnostic] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    links: Sequence[Link] = ()
    hardware: bool | None = None
    first_mismatch: Mapping[str, object] | None = None
    warnings: Sequence[Diagnostic] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """No link of the chain is broken, and the hardware made no mistake (vacuously true of a refused model)."""
        return all(link.verdict != "different" for link in self.links) and self.hardware is not False

    def to_json(self) -> dict[str, Any]:
        verdicts = {link.name: link.verdict for link in self.links}
        return {
            "target": self.target,
            "supported": not self.refused,
            "reason": "; ".join(_reason(d) for d in self.refused),
            "build": None if self.build is None else str(self.build),
            "ok": self.ok,
            "figures": {n: {**f.to_json(), "verdict": verdicts.get(f.link)} for n, f in self.figures.items()},
            "links": [asdict(link) for link in self.links],
            "first_mismatch": None if self.first_mismatch is None else dict(self.first_mismatch),
            "seconds": self.seconds,
        }


def measure(task: Task, progress: Progress) -> Column:
    """Everything about one target. A model that the target refuses makes a column that says why."""
    begin = time.perf_counter()
    try:
        made = compile(
            task.model, target=task.target, output=task.build, calib=task.calibration, config=task.config,
            set=task.assignments, progress=_Named(progress, task.target),
        )  # fmt: skip
    except ToolMissing:
        raise
    except NcError as error:
        return Column(task.target, refused=error.diagnostics)
    opened, why = Opened.of(task.build), {}
    synthesis, why["synthesis"] = _synthesised(opened, task, progress)
    progress.stage(f"{task.target}: evaluate")
    evaluation = evaluate(opened, task.data)
    progress.stage(f"{task.target}: verify")
    links = list(verify(opened).links)
    vectors = task.vectors or default_vectors(stream_of(opened.build.folder), made.build.manifest.estimate, VECTORS)
    progress.stage(f"{task.target}: simulate {min(vectors, len(task.data))} samples")
    simulation, why["simulation"] = _simulated(opened, task.data, vectors)
    if task.fidelity == "pnr" and why["synthesis"]:
        why["clock"] = f"place and route found: {why['synthesis']}"
    evidence = Evidence(
        made.build.manifest.estimate, made.build.manifest.options, evaluation, task.data.name, simulation, synthesis,
        links, why,
    )  # fmt: skip
    return Column(
        task.target, task.build, figures=figures(task.target, evidence), links=links,
        hardware=None if simulation is None else simulation.ok,
        first_mismatch=None if simulation is None else simulation.first_mismatch,
        warnings=made.warnings, seconds=round(time.perf_counter() - begin, 1),
    )  # fmt: skip


def _synthesised(opened: Opened, task: Task, progress: Progress) -> tuple[Mapping[str, Any] | None, str]:
    """Figures of synthesis, of place and route where asked for and possible; or why there are none."""
    if task.target not in SYNTHESISED:
        return None, "the build's netlist is mapped already"
    if task.fidelity == "estimate":
        return None, "needs synthesis: --fidelity synth"
    progress.stage(f"{task.target}: synthesise")
    trouble = ""
    for pnr in (True, False) if task.fidelity == "pnr" else (False,):
        try:
            return synth(opened, device=task.device, pnr=pnr).to_json(), trouble
        except ToolMissing:
            raise
        except NcError as error:  # too large for the chip, too many pins: a finding, not the end
            trouble = str(error.diagnostics[0].message)
    return None, trouble


def _simulated(opened: Opened, data: Dataset, vectors: int) -> tuple[Simulation | None, str]:
    try:
        return simulate(opened, data, vectors=vectors), ""
    except ToolMissing as error:
        return None, str(error.diagnostics[0].message)


def _reason(diagnostic: Diagnostic) -> str:
    node = f" ({diagnostic.where.node})" if diagnostic.where.node else ""
    return f"{diagnostic.code}: {diagnostic.message}{node}"


class _Named:
    """Stages of a compilation, told with the target's name."""

    def __init__(self, progress: Progress, target: str) -> None:
        self._progress, self._target = progress, target

    def stage(self, name: str) -> None:
        self._progress.stage(f"{self._target}: {name}")

    def advance(self, done: int, total: int) -> None:
        self._progress.advance(done, total)
