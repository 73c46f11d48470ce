"""compile: a model becomes a build directory, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.backends.backend import Backend
from nc.compiler.builds import Build, Manifest, manifest, staged
from nc.compiler.builds.exchange import output_place
from nc.compiler.builds.graphs import FLOAT, INTEGER
from nc.compiler.config import Settings, resolve
from nc.compiler.data import Data, Dataset
from nc.compiler.data.load import load_file
from nc.compiler.driver.forms import Form, form_of, stage_of
from nc.compiler.driver.models import Source, model_source
from nc.compiler.driver.suspicions import suspicions
from nc.compiler.driver.vectors import default_vectors, make_vectors
from nc.compiler.passes.integerize.staircase import long_tables
from nc.compiler.passes.pipelines import unquantised
from nc.compiler.passes.quantise import added
from nc.compiler.passes.strip_heads import left_out
from nc.compiler.progress import Progress, Silent, Stopwatch
from nc.compiler.reading import DataFile
from nc.compiler.yaml_text import Document
from nc.ir.diagnostics import Diagnostic, InternalError, NcError, Where
from nc.ir.graph import Graph

MB = 1 << 20
PULSE_VECTORS = 32  # the same, of netlists of pulses


@dataclass(frozen=True)
class Compiled:
    """A finished build, and the figures of making it. `integer_bits`: width of the widest integer of the graph."""

    build: Build
    ops: int
    parameters: int
    integer_bits: int
    seconds: float
    passes: Sequence[Mapping[str, object]]
    warnings: Sequence[Diagnostic] = field(default=())

    def to_json(self) -> dict[str, object]:
        """The fields of `nc compile --json`."""
        return {
            "target": self.build.target,
            "build": str(self.build.folder),
            "ops": self.ops,
            "parameters": self.parameters,
            "integer_bits": self.integer_bits,
            "seconds": self.seconds,
            "passes": list(self.passes),
            "estimate": dict(self.build.manifest.estimate),
            "warnings": [w.to_json() for w in self.warnings],
        }

    def _repr_html_(self) -> str:
        return self.build._repr_html_()


def compile(
    model: Any,
    example_input: Any = None,
    *,
    target: str,
    output: Path | str = "build",
    calib: Data | None = None,
    config: Path | Document | None = None,
    set: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    keep_float: bool = True,
    progress: Progress | None = None,
) -> Compiled:
    """Compile `model` for `target` into the folder `output`.

    `model`: a file (.onnx, .nir, .pt2), a `nc.ir.graph.Graph`, or a torch module together with `example_input` (a
    batch of one or more samples). `calib`: DATA for post-training quantisation. Options: a YAML file, then
    'key.path=value' strings, then the mapping `options`. Raises `NcError`; nothing is written unless all succeeds.
    """
    begin = time.perf_counter()
    output_place(Path(output), force=force)  # a refused place is told before the work, not after
    exact = integer_model(model, example_input, target=target, calib=calib, config=config, set=set, options=options,
                          progress=progress)  # fmt: skip
    made = lowered(exact, output, force=force, keep_float=keep_float)
    return replace(made, seconds=round(time.perf_counter() - begin, 3))


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """A model in exact integers, and what lowering it takes. `source`: as it was read; `rounded`: in integers, before
    the target's own approximations; `integer`: the truth."""

    backend: Backend
    settings: Settings
    source: Source
    calibration: Dataset | None
    form: Form
    rounded: Any
    integer: Any
    watch: Stopwatch

    @property
    def real(self) -> Any:
        """The model to compare with; None where it came in the very integers."""
        changed = self.integer is not self.rounded or not _in_integers(self.source.model)
        return self.source.model if changed else None


def integer_model(
    model: Any,
    example_input: Any = None,
    *,
    target: str,
    calib: Data | None = None,
    config: Path | Document | None = None,
    set: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> IntegerModel:
    """The first half of `compile`, with its arguments: all that decides accuracy. Nothing is written."""
    backend = registry.find(target)
    settings = resolve(backend.Options, config, set, options)
    watch = Stopwatch(progress or Silent())
    with watch.stage("read"):
        source = model_source(model, example_input, settings.options, settings.common)
        form = form_of(source.model, backend.stage)
        calibration = read_data(calib, settings, form.shapes(source.model))
    rounded = form.to_integers(source.model, settings, calibration, watch)
    integer = _approximated(backend, form, rounded, calibration, settings, watch)
    return IntegerModel(backend, settings, source, calibration, form, rounded, integer, watch)


def lowered(
    model: IntegerModel, output: Path | str = "build", *, force: bool = False, keep_float: bool = True
) -> Compiled:
    """The second half of `compile`: the target's design, written into the folder `output`."""
    begin = time.perf_counter()
    output, backend, settings, form, watch = Path(output), model.backend, model.settings, model.form, model.watch
    integer, calibration = model.integer, model.calibration
    taken = form.to_stage(integer, stage_of(backend, integer, settings.options), watch)
    warnings = [*_said(model), *_varied(calibration), *_checked(backend, taken, settings)]
    with watch.stage("lower"):
        design = backend.lower(taken, settings.options)
    with staged(output, force=force) as folder:
        with watch.stage("emit"):
            backend.emit(design, folder)
            form.write(integer, folder, INTEGER)
            if keep_float and model.real is not None:
                form.write(model.real, folder, FLOAT)
            _read_back(form, folder, settings, keep_float and model.real is not None)
        with watch.stage("bench"):
            estimate = dict(backend.estimate(design))
            _write_bench(backend, design, estimate, (form, integer, taken), calibration, settings, folder)
        written = Manifest(
            target=backend.name,
            source=model.source.to_json(),
            calibration=None if calibration is None else calibration.origin(),
            options=settings.to_json(),
            passes=tuple(watch.seconds),
            estimate=estimate,
            files=manifest.written(folder),
            tool=manifest.tool_version(),
            libraries=manifest.versions(),
            warnings=tuple(w.to_json() for w in warnings),
        )
        manifest.write(written, folder)
    figures = form.figures(integer)
    return Compiled(
        Build(output, written),
        ops=figures.ops,
        parameters=figures.parameters,
        integer_bits=figures.bits,
        seconds=round(time.perf_counter() - begin, 3),
        passes=[{"name": name, "seconds": round(seconds, 4)} for name, seconds in watch.seconds.items()],
        warnings=warnings,
    )


def read_data(
    data: Data | None,
    settings: Settings,
    inputs: Mapping[str, tuple[int, ...]],
    classes: Sequence[str] = (),
    hint: str = "",
) -> Dataset | None:
    """DATA with the limits and the scale of the configuration; a `Dataset` as it is.

    `inputs`: the model's, as `Form.shapes` gives them; `classes`, `hint`: class names and label of the data that the
    model is known from.
    """
    if data is None or isinstance(data, Dataset):
        return data
    section = settings.common.data
    file = data if isinstance(data, DataFile) else DataFile(Path(data))
    reading = replace(file.reading, inputs=inputs, classes=file.reading.classes or tuple(classes), hint=hint)
    return load_file(replace(file, reading=reading), limit=section.limit_mb * MB, scale=section.scale)


def _approximated(backend: Backend, form: Form, integer: Any, data: Dataset | None, settings: Settings,
                  watch: Stopwatch) -> Any:  # fmt: skip
    """The integer model as a target that approximates wants it: what is approximated is the truth from here on."""
    approximate = getattr(backend, "approximate", None)
    if approximate is None:
        return integer
    bound, labels = (None, None) if data is None else (form.bind(integer, data, settings), data.y)
    with watch.stage("approximate"):
        return approximate(integer, settings.options, bound, labels)


def _said(model: IntegerModel) -> list[Diagnostic]:
    """What became of the model that its user may not expect."""
    source, integer, common = model.source.model, model.integer, model.settings.common
    found = long_tables(integer) if isinstance(integer, Graph) else []
    if isinstance(integer, Graph):
        reference = None if model.real is None else model.form.reference(model.real, model.settings)
        found += suspicions(integer, reference, model.calibration)
    if not isinstance(source, Graph):
        return found
    found += left_out(source, common.output)
    if model.calibration is None or _in_integers(source):
        return found
    return found + added(unquantised(source, common.output), common.quantise)


def _in_integers(model: Any) -> bool:
    """A model that came in integers (a tree, a linear SVM): it is the truth itself unless a target approximates it."""
    return isinstance(model, Graph) and all(model.type(v).is_int for v in model.inputs.values())


def _varied(calibration: Dataset | None) -> list[Diagnostic]:
    """A warning where ranges come from data that show one point of them only."""
    if calibration is None or len(calibration) < 2 or calibration.varied:
        return []
    text = f"samples of the calibration data must differ, not be {len(calibration)} times the same"
    advice = "give samples of every class; ranges of activations are taken from them"
    return [Diagnostic("NC311", text, Where(calibration.name), help=advice, severity="warning")]


def _checked(backend: Backend, model: Any, settings: Settings) -> list[Diagnostic]:
    """The backend's warnings; its errors are raised, all at once."""
    found = list(backend.check(model, settings.options))
    if errors := [d for d in found if d.severity == "error"]:
        raise NcError(errors)
    return found


def _read_back(form: Form, folder: Path, settings: Settings, with_float: bool) -> None:
    """A build that nothing can read must not look finished."""
    for names in (INTEGER, FLOAT) if with_float else (INTEGER,):
        try:
            form.read(folder, names, settings)
        except NcError as error:
            raise InternalError(f"what was written must be read back:\n{error}") from error


def _write_bench(
    backend: Backend,
    design: Any,
    estimate: Mapping[str, object],
    model: tuple[Form, Any, Any],
    data: Dataset | None,
    settings: Settings,
    folder: Path,
) -> None:
    spec = backend.testbench(design)
    pulsed = getattr(backend, "pulse_design", None)  # a netlist of pulses has no stream port, but a bench of its own
    data_of_pulses = pulsed(design) if pulsed is not None else None
    if data_of_pulses is not None:
        from nc.sim.pulse_bench import write_pulse_bench

        vectors = make_vectors(*model, data, PULSE_VECTORS, settings, ())
        write_pulse_bench(folder / "tb", data_of_pulses, vectors.inputs, vectors.expected)
    if spec is None:
        return
    from nc.sim.bench import write_bench

    vectors = make_vectors(*model, data, default_vectors(spec, estimate), settings, spec.probes)
    inputs, expected = vectors.at(spec)
    hdl = sorted((folder / "hdl").glob("*.v"))
    write_bench(folder / "tb", spec, hdl, inputs, expected, vectors.probes)
