"""compare: the same network compiled, verified and measured on several technologies."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.compiler.builds.exchange import output_place
from nc.compiler.builds.manifest import tool_version, versions
from nc.compiler.comparing.measure import Column, Task, measure
from nc.compiler.config import resolve, shares
from nc.compiler.data import Data, Dataset
from nc.compiler.driver.compiling import read_data
from nc.compiler.driver.forms import form_of
from nc.compiler.driver.models import Source, load_model
from nc.compiler.processes import run_all
from nc.compiler.progress import Progress, Silent
from nc.ir.diagnostics import NcError, UsageError, Where, fail

RESULTS = "comparison.json"
FIDELITIES = ("estimate", "synth", "pnr")


@dataclass(frozen=True)
class Comparison:
    """The result: a column a target, in the order asked for. `data`: what accuracy and agreement were judged on."""

    model: Mapping[str, object]
    data: str
    calibration: str | None
    columns: Sequence[Column]
    seconds: float

    @property
    def ok(self) -> bool:
        """Every supported target verified, and there is one."""
        return all(c.ok for c in self.columns) and any(not c.refused for c in self.columns)

    def to_json(self) -> dict[str, object]:
        """The fields of `nc compare --json`, and of comparison.json but for `seconds`."""
        return {
            "model": dict(self.model),
            "data": self.data,
            "calibration": self.calibration,
            "targets": [column.to_json() for column in self.columns],
            "ok": self.ok,
            "tool": tool_version(),
            "libraries": versions(),
            "seconds": self.seconds,
        }

    def _repr_html_(self) -> str:
        from nc.compiler.report.notebook import comparison_html

        return comparison_html(self.to_json())


def compare(
    model: Path | str,
    *,
    calib: Data | None = None,
    data: Data | None = None,
    targets: Sequence[str] | str = "all",
    output: Path | str = "comparison",
    config: Path | str | None = None,
    set: Sequence[str] = (),
    fidelity: str = "synth",
    device: str | None = None,
    vectors: int | None = None,
    workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compile `model` for every target, verify each build, and measure it in the same terms.

    `data` judges accuracy and agreement (default: the calibration data). `targets`: names, or 'all'. `config`: sections
    of any targets; each takes the common ones and its own. `fidelity`: estimate, synth or pnr, for targets whose
    size only synthesis knows, on `device`. `vectors`: samples of `data` that run on each hardware (default: 64,
    fewer where a sample takes many cycles). `workers`: targets
    at a time (default: one a core). Builds go to `output`/TARGET, the result to `output`/comparison.json.
    A target that does not take the model has a column that says why; errors of the model itself are raised.
    """
    begin, output, progress = time.perf_counter(), Path(output), progress or Silent()
    names = _targets(targets)
    if fidelity not in FIDELITIES:
        fail("NC003", f"--fidelity must be one of {', '.join(FIDELITIES)}, not '{fidelity}'", kind=UsageError)
    if vectors is not None and vectors < 1:
        fail("NC003", f"--vectors must be at least 1, not {vectors}", kind=UsageError)
    if workers is not None and workers < 1:
        fail("NC003", f"--workers must be at least 1, not {workers}", kind=UsageError)
    options = {name: registry.find(name).Options for name in names}
    others = [registry.find(name).Options for name in registry.names() if name not in options]
    own = shares(options, None if config is None else Path(config), set, others)
    settings = {name: resolve(options[name], *own[name]) for name in names}
    first = names[0]
    source = load_model(model, common=settings[first].common)
    inputs = form_of(source.model, registry.find(first).stage).shapes(source.model)
    calibration = read_data(calib, settings[first], inputs)
    known = ((), "") if calibration is None else (calibration.classes, calibration.label)
    judge = read_data(data, settings[first], inputs, *known) or calibration
    if judge is None:
        fail("NC003", "--data or --calib must be given, to judge the builds", kind=UsageError)
    for name in names:
        output_place(output / name, force=force)
    output.mkdir(parents=True, exist_ok=True)
    tasks = [
        Task(name, str(model), output / name, calibration, judge, *own[name], vectors, fidelity, device)
        for name in names
    ]
    columns = run_all(measure, tasks, workers or os.cpu_count() or 1, progress)
    _raise_common(columns)
    found = _result(source, judge, calibration, columns, time.perf_counter() - begin)
    (output / RESULTS).write_text(json.dumps(found.to_json(), indent=1, default=str, allow_nan=False) + "\n")
    return found


def _targets(asked: Sequence[str] | str) -> tuple[str, ...]:
    """The names asked for, each once; all of them for 'all'. UsageError with a suggestion for an unknown one."""
    words = asked.split(",") if isinstance(asked, str) else list(asked)
    names = registry.names() if words == ["all"] else tuple(dict.fromkeys(word.strip() for word in words if word))
    for name in names:
        registry.find(name)
    if not names:
        fail("NC003", "--targets must name at least one target, or all", kind=UsageError)
    return names


def _raise_common(columns: Sequence[Column]) -> None:
    """What every target refuses in the same words is the model's or the data's fault, and is told as such."""
    first = columns[0].refused
    if len(columns) > 1 and first and all(c.refused == first for c in columns):
        raise NcError(first)


def _result(
    source: Source, judge: Dataset, calibration: Dataset | None, columns: Sequence[Column], seconds: float
) -> Comparison:
    name = None if calibration is None else calibration.name
    return Comparison(source.to_json(), judge.name, name, columns, round(seconds, 1))


def read_comparison(folder: Path) -> dict[str, Any]:
    """What `compare` wrote into the folder (NC424 when it is damaged)."""
    path = folder / RESULTS
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if missing := {"targets", "model"} - found.keys():
            raise KeyError(*sorted(missing))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        fail("NC424", f"{RESULTS} must be what nc wrote, not damaged ({error})", where=Where(file=str(path)))
    return found
