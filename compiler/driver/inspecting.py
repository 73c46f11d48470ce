"""inspect: what a model or a build consists of, and which targets take it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nc.backends import registry
from nc.compiler.builds.manifest import NAME
from nc.compiler.config import Section, resolve
from nc.compiler.driver.forms import Description, Figures, form_of, stage_of
from nc.compiler.driver.models import load_model
from nc.compiler.driver.opened import Opened
from nc.compiler.progress import Stopwatch
from nc.ir.diagnostics import Diagnostic, NcError


@dataclass(frozen=True)
class Inspection:
    """`figures` is None where the model has no exact integers yet: what is missing then stands with the targets.

    `targets`: what each target has against the model with its default options; nothing where it can be compiled.
    """

    name: str
    description: Description
    figures: Figures | None
    targets: dict[str, tuple[Diagnostic, ...]]

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "stage": "float" if self.figures is None else "integer",
            "parameters": None if self.figures is None else self.figures.parameters,
            "ops": dict(sorted(Counter(row.op for row in self.description.rows).items())),
            "inputs": dict(self.description.inputs),
            "outputs": dict(self.description.outputs),
            "nodes": [row._asdict() for row in self.description.rows],
            "targets": {name: [d.to_json() for d in found] for name, found in self.targets.items()},
        }


def inspect(model: Path | str, set: Sequence[str] = ()) -> Inspection:
    """Read a model file or a build; ask every target what it does not support.

    `set`: 'key.path=value' of sections that all targets share, for a model file.
    """
    path = Path(model)
    if path.is_dir() or path.name == NAME:
        opened = Opened.of(path if path.is_dir() else path.parent)
        found = tuple(opened.backend.check(opened.staged, opened.settings.options))
        description = opened.form.describe(opened.integer)
        return Inspection(path.name, description, opened.form.figures(opened.integer), {opened.build.target: found})
    source = load_model(path, common=resolve(Section, assignments=set).common)
    description, figures = form_of(source.model, "integer").describe(source.model), None
    targets: dict[str, tuple[Diagnostic, ...]] = {}
    for name in registry.names():
        backend = registry.find(name)
        settings = resolve(backend.Options, assignments=set)
        form = form_of(source.model, backend.stage)
        try:
            integer = form.to_integers(source.model, settings, None, Stopwatch())
            if figures is None:
                description, figures = form.describe(integer), form.figures(integer)
            stage = stage_of(backend, integer, settings.options)
            targets[name] = tuple(backend.check(form.to_stage(integer, stage, Stopwatch()), settings.options))
        except NcError as error:
            targets[name] = error.diagnostics
    return Inspection(source.name, description, figures, targets)
