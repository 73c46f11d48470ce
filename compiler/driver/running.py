"""run: what a network answers to DATA: a golden model, its hardware simulated or on a board, or a model file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nc.backends import registry
from nc.compiler.builds.manifest import NAME
from nc.compiler.config import Settings, resolve
from nc.compiler.data import Data, Dataset
from nc.compiler.driver.compiling import MB, read_data
from nc.compiler.driver.forms import Array, Arrays, Form, form_of
from nc.compiler.driver.hosting import hosted
from nc.compiler.driver.models import load_model
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import GOLDEN, simulated
from nc.compiler.progress import Progress, Silent
from nc.ir.diagnostics import Diagnostic, InternalError, UsageError, Where, fail

FLOAT = "float"
_AT_ONCE = 1024  # samples between two steps of the progress bar


@dataclass(frozen=True)
class Answers:
    """Arrays (N, *shape): `outputs` by output name, `layers` by layer name, real values unless asked for as integers;
    `inputs` by input name, the ports' integers, only where asked for.

    `engine`: golden, the simulator, 'board', or 'float' for a model file. `mismatches`: samples of which the hardware
    answered something else than the golden model, None without hardware.
    """

    engine: str
    samples: int
    outputs: Arrays
    inputs: Arrays = field(default_factory=dict)
    layers: Arrays = field(default_factory=dict)
    mismatches: int | None = None
    seconds: float = 0.0
    notes: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.mismatches

    def arrays(self) -> Arrays:
        """All of it under the names of a file: outputs by their names, 'input.NAME', 'layer.NAME'."""
        more = {f"input.{k}": a for k, a in self.inputs.items()} | {f"layer.{k}": a for k, a in self.layers.items()}
        return {**self.outputs, **more}

    def to_json(self) -> dict[str, object]:
        """The fields of `nc run --json`, without the values."""
        return {
            "engine": self.engine,
            "samples": self.samples,
            "outputs": {k: {"shape": list(a.shape[1:]), "type": str(a.dtype)} for k, a in self.outputs.items()},
            "layers": {k: {"shape": list(a.shape[1:]), "type": str(a.dtype)} for k, a in self.layers.items()},
            "mismatches": self.mismatches,
            "seconds": self.seconds,
        }


def run(
    model: Path | str | Opened,
    data: Data,
    *,
    engine: str = GOLDEN,
    board: str | None = None,
    integers: bool = False,
    layers: bool = False,
    vectors: int | None = None,
    set: Sequence[str] = (),
    progress: Progress | None = None,
) -> Answers:
    """The answers of a build or of a model file to all samples of DATA, or the first `vectors`.

    `engine`: golden, or a simulator as for `simulate`; `board`: the serial port of a board with the build's bitstream.
    `integers`: what goes in and comes out at the ports instead of what it stands for; `layers`: the values inside,
    of the golden model. A model file runs as it was read, in float64; `set` are options of its target's as for
    `compile` (spiking networks: spiking.ticks). Raises UsageError, ToolMissing, NcError.
    """
    progress = progress or Silent()
    if vectors is not None and vectors < 1:
        fail("NC003", f"--vectors must be at least 1, not {vectors}", kind=UsageError)
    if not isinstance(model, Opened) and not Path(model).is_dir() and Path(model).name != NAME:
        if engine != GOLDEN or board is not None or integers:
            fail("NC003", "a model file has no hardware and no integers; a build has", kind=UsageError,
                 help="nc compile MODEL -o BUILD --target TARGET, then nc run BUILD")  # fmt: skip
        return _of_file(Path(model), data, layers, vectors, set, progress)
    if set:
        fail("NC003", "--set is for model files: the options of a build are in it", kind=UsageError)
    path = model if isinstance(model, Opened) else Path(model)
    opened = path if isinstance(path, Opened) else Opened.of(path if path.is_dir() else path.parent)
    samples = opened.data(data)
    if samples is None:
        raise InternalError("run needs DATA")
    samples = samples if vectors is None else samples.head(vectors)
    form, integer = opened.form, opened.integer
    progress.stage(f"run {opened.build.folder.name}")
    begin = time.perf_counter()
    inputs = form.bind(integer, samples, opened.settings)
    mismatches: int | None = None
    inside: Arrays = {}
    notes: tuple[Diagnostic, ...] = ()
    if engine == GOLDEN and board is None:
        raw, inside = _golden(form, integer, inputs, layers, opened.settings, progress, samples.name)
    else:
        engine, raw, mismatches = _hardware(opened, samples, engine, board, progress)
        if layers:
            inside = _golden(form, integer, inputs, True, opened.settings, progress, samples.name)[1]
    outputs = form.results(integer, raw)
    if not integers:
        outputs = {name: form.real(integer, name, values) for name, values in outputs.items()}
        inside = {name: form.real(integer, name, values, layer=True) for name, values in inside.items()}
        notes = _unscaled(inside, samples.name)
    return Answers(engine, len(samples), outputs, inputs if integers else {}, inside, mismatches,
                   round(time.perf_counter() - begin, 3), notes)  # fmt: skip


def _unscaled(layers: Arrays, name: str) -> tuple[Diagnostic, ...]:
    """A note about layers that are integers among real numbers: the integer graph keeps units at its ports only."""
    found = [label for label, values in layers.items() if values.dtype.kind == "i"]
    if not found:
        return ()
    listed = ", ".join(found[:6]) + (", …" if len(found) > 6 else "")
    return (Diagnostic("NC409", f"layers without a unit of their own are given as integers: {listed}", Where(name),
                       help="nc run MODEL --layers gives the float model's", severity="note"),)  # fmt: skip


def _hardware(
    opened: Opened, samples: Dataset, engine: str, board: str | None, progress: Progress
) -> tuple[str, Arrays, int]:
    """Who answered, what the hardware put out for every sample, and in how many it differs from the golden model."""
    if board is None:
        found, outputs = simulated(opened, samples, engine=engine)
        who, wrong = found.engine, found.mismatches
    else:
        if engine != GOLDEN:
            fail("NC003", "--engine is a simulator and --board a real board: give one of them", kind=UsageError)
        done = iter(range(1, len(samples) + 1))
        answered, outputs = hosted(
            opened, samples, port=board, advance=lambda: progress.advance(next(done, len(samples)), len(samples))
        )
        who, wrong = "board", answered.mismatches
    if short := [name for name, values in outputs.items() if len(values) != len(samples)]:
        fail("NC430", f"the hardware must answer {len(samples)} samples, not {len(outputs[short[0]])}",
             help="nc simulate BUILD --data DATA says more")  # fmt: skip
    return who, dict(outputs), wrong


def _of_file(
    path: Path, data: Data, layers: bool, vectors: int | None, assignments: Sequence[str], progress: Progress
) -> Answers:
    progress.stage(f"read {path.name}")
    source = load_model(path)
    for name in registry.names():  # the first target that takes such a model has its options
        backend = registry.find(name)
        if (form_of(source.model, backend.stage).word == "spiking") == (backend.stage == "spiking"):
            break
    settings = resolve(backend.Options, None, assignments)
    source = load_model(path, settings.options, settings.common)  # read again: a frontend takes some of them
    form = form_of(source.model, "integer")
    samples = read_data(data, settings, form.shapes(source.model))
    if samples is None:
        raise InternalError("run needs DATA")
    samples = samples if vectors is None else samples.head(vectors)
    begin = time.perf_counter()
    progress.stage(f"run {path.name}")
    inputs = form.bind(source.model, samples, settings)
    raw, inside = _golden(form, source.model, inputs, layers, settings, progress, samples.name)
    outputs = {k: form.real(source.model, k, v) for k, v in form.results(source.model, raw).items()}
    inside = {k: form.real(source.model, k, v, layer=True) for k, v in inside.items()}
    return Answers(FLOAT, len(samples), outputs, {}, inside, None, round(time.perf_counter() - begin, 3))


def _golden(
    form: Form, model: Any, inputs: Mapping[str, Array], layers: bool, settings: Settings, progress: Progress, name: str
) -> tuple[Arrays, Arrays]:
    """Outputs, and with `layers` the values inside, sample by sample but for sequences (NC401 where they are many)."""
    names = form.layers(model) if layers else []
    count = len(next(iter(inputs.values())))
    parts: list[tuple[Arrays, Arrays]] = []
    limit, size = settings.common.data.limit_mb * MB, 0
    for part in _parts(count, whole=bool(getattr(model, "states", ()))):
        parts.append(form.watch(model, {k: a[part] for k, a in inputs.items()}, names))
        size += sum(a.nbytes for kind in parts[-1] for a in kind.values())
        if size > limit:
            fail("NC401", f"answers must take at most {limit // MB:,} MB, not more from sample {part.stop} on",
                 where=Where(file=name), help="--vectors N takes the first samples")  # fmt: skip
        progress.advance(min(part.stop, count), count)
    return _joined([p[0] for p in parts]), _joined([p[1] for p in parts])


def _parts(count: int, whole: bool) -> Iterator[slice]:
    """Samples a part; all at once where they are one sequence."""
    step = count if whole else _AT_ONCE
    for start in range(0, count, step):
        yield slice(start, start + step)


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
