"""simulate: the build's hardware on test vectors, every output compared with the golden model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.data import Data, Dataset
from nc.compiler.driver.forms import Array
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.tasks import in_range, task_of
from nc.compiler.driver.vectors import Vectors, default_vectors, make_vectors
from nc.compiler.scores import share
from nc.ir.diagnostics import UsageError, fail
from nc.ir.stream import StreamSpec
from nc.sim.bench import stream_of

GOLDEN = "golden"
Outputs = Mapping[str, Array]
_COMMON = ("engine", "vectors", "mismatches", "latency_cycles", "ii_cycles", "cycles", "first_mismatch", "seconds")


@dataclass(frozen=True)
class Simulation:
    """What an engine found. `accuracy` is of the hardware's own outputs, None without labels.

    `mismatches`: vectors of which any output differs from the golden model. `latency_cycles`, `ii_cycles`, `cycles`:
    None where the engine has no clock. `first_mismatch`: vector, output, expected, got, and the first layer that
    differs, where the build has probes. `more`: what one engine alone reports.
    """

    engine: str
    vectors: int
    mismatches: int
    latency_cycles: int | None = None
    ii_cycles: float | None = None
    cycles: int | None = None
    accuracy: float | None = None
    first_mismatch: Mapping[str, object] | None = None
    seconds: float = 0.0
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """No mismatch, and no broken rule of the stream protocol."""
        return not self.mismatches and not self.more.get("violations")

    def to_json(self) -> dict[str, object]:
        """The fields of `nc simulate --json`."""
        return {
            "engine": self.engine,
            "vectors": self.vectors,
            "mismatches": self.mismatches,
            "latency_cycles": self.latency_cycles,
            "ii_cycles": self.ii_cycles,
            "cycles": self.cycles,
            "accuracy": self.accuracy,
            "first_mismatch": None if self.first_mismatch is None else dict(self.first_mismatch),
            "seconds": self.seconds,
            **self.more,
        }


def simulate(
    build: Path | str | Opened,
    data: Data | None = None,
    *,
    vectors: int | None = None,
    engine: str = "auto",
    waves: bool = False,
) -> Simulation:
    """Simulate `build` on DATA (all samples, or the first `vectors`), or on random vectors without DATA: 256,
    fewer where a vector takes long.

    `engine`: 'golden' runs the integer graph alone; 'auto' the best one that is installed for the target. The result
    is also written to reports/simulate.json. Raises UsageError for an engine the target does not have, ToolMissing.
    """
    opened = build if isinstance(build, Opened) else Opened.of(build)
    samples = opened.data(data)
    found, outputs = simulated(opened, samples, vectors, engine, waves)
    result = replace(found, accuracy=_accuracy(opened, outputs, samples))
    opened.build.report("simulate", result.to_json())
    return result


def simulated(
    opened: Opened, samples: Dataset | None, vectors: int | None = None, engine: str = "auto", waves: bool = False
) -> tuple[Simulation, Outputs]:
    """The same, with what the hardware put out: (N, *shape) by port name. Nothing is written into reports/."""
    if vectors is not None and vectors < 1:
        fail("NC003", f"--vectors must be at least 1, not {vectors}", kind=UsageError)
    run = _engine(opened, engine)
    spec = stream_of(opened.build.folder)
    count = vectors
    if vectors is None and samples is None and engine != GOLDEN:
        count = default_vectors(spec, opened.build.manifest.estimate)
    drawn = make_vectors(
        opened.form, opened.integer, opened.staged, samples, count, opened.settings, spec.probes if spec else ()
    )
    return run(opened, spec, drawn, engine, waves)


Runner = Callable[[Opened, StreamSpec | None, Vectors, str, bool], tuple[Simulation, Outputs]]


def _engine(opened: Opened, engine: str) -> Runner:
    """Who runs `engine`: ourselves, the target (its own kind of simulator), or `nc.sim`."""
    known = (GOLDEN, "auto", *opened.backend.engines)
    if engine not in known:
        fail("NC003", f"--engine must be one of {', '.join(known)} for target {opened.build.target}, not '{engine}'",
             kind=UsageError)  # fmt: skip
    if engine == GOLDEN:
        return _golden
    return _hardware if stream_of(opened.build.folder) is not None else _own


def _golden(
    opened: Opened, spec: StreamSpec | None, vectors: Vectors, engine: str, waves: bool
) -> tuple[Simulation, Outputs]:
    begin = time.perf_counter()
    outputs = opened.form.run(opened.integer, vectors.inputs)
    seconds = time.perf_counter() - begin
    wrong = np.zeros(len(vectors), bool)
    for label, wanted in vectors.expected.items():
        wrong |= (outputs[label] != wanted).reshape(len(wrong), -1).any(axis=1)
    return Simulation(GOLDEN, len(vectors), int(wrong.sum()), seconds=round(seconds, 4)), outputs


def _hardware(
    opened: Opened, spec: StreamSpec | None, vectors: Vectors, engine: str, waves: bool
) -> tuple[Simulation, Outputs]:
    from nc.sim.engine import SimulationRequest, available
    from nc.sim.engine import simulate as run

    assert spec is not None
    inputs, expected = vectors.at(spec)
    request = SimulationRequest(
        build=opened.build.folder, spec=spec, inputs=inputs, expected=expected, probes=vectors.probes, waves=waves,
        seed=opened.settings.common.seed + 1,
    )  # fmt: skip
    if engine == "auto":
        engine = next((e for e in opened.backend.engines if e != "amaranth" and available(e)), "amaranth")
    if engine == "amaranth":
        request = SimulationRequest(**{**vars(request), "module": opened.backend.module(opened.design)})
    result = run(request, engine)
    fields = result.to_json()
    common: dict[str, Any] = {name: fields.pop(name) for name in _COMMON}
    outputs = {port.name: array for port, array in zip(spec.outputs, result.outputs)}
    return Simulation(**common, more=fields), outputs


def _own(
    opened: Opened, spec: StreamSpec | None, vectors: Vectors, engine: str, waves: bool
) -> tuple[Simulation, Outputs]:
    """A target without a stream port: its own simulator, or one of `nc.sim` that reads its artefacts."""
    from nc.sim import pulse_bench, pulse_engine

    of_sim: Mapping[str, Any] = {
        "pulse": pulse_engine.simulate, "verilator": pulse_bench.simulate, "icarus": pulse_bench.simulate,
    }  # fmt: skip
    engine = opened.backend.engines[0] if engine == "auto" else engine
    run = of_sim.get(engine) or opened.backend.simulate  # type: ignore[attr-defined]
    fields = dict(run(opened.build.folder, opened.staged, opened.settings.options, engine, vectors))
    outputs = fields.pop("outputs")
    known = {f.name for f in dataclass_fields(Simulation)}
    more = {name: fields.pop(name) for name in fields.keys() - known}
    return Simulation(**fields, more=more), outputs


def _accuracy(opened: Opened, outputs: Outputs, data: Dataset | None) -> float | None:
    """Of what the hardware put out; None without labels, or when it did not put out every vector."""
    if data is None or data.y is None:
        return None
    labels = data.y[: len(next(iter(outputs.values()), ()))]
    if not len(labels):
        return None
    answer = opened.form.answers(opened.staged, outputs, opened.reference, opened.real)[0]
    if task_of(answer, data, None) == "regression":
        return None
    return share(answer.decided, in_range(labels, answer.classes, data.name))
