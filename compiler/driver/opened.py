"""A build opened for work: verified files, its backend, its options, its graphs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.backends.backend import Backend
from nc.compiler.builds import Build
from nc.compiler.builds.graphs import FLOAT, INTEGER
from nc.compiler.config import Settings, from_json
from nc.compiler.data import Data, Dataset
from nc.compiler.driver.compiling import read_data
from nc.compiler.driver.forms import Form, form_in, stage_of
from nc.compiler.progress import Stopwatch


@dataclass(frozen=True)
class Opened:
    """What every command on a build needs; graphs are read when they are first asked for."""

    build: Build
    backend: Backend
    settings: Settings

    @classmethod
    def of(cls, folder: Path | str) -> Opened:
        """Open and verify (NC423 to NC425)."""
        build = Build.open(folder)
        backend = registry.find(build.target)
        return cls(build, backend, from_json(backend.Options, build.manifest.options))

    @cached_property
    def form(self) -> Form:
        """The kind of model that the build holds."""
        return form_in(self.build.folder)

    @cached_property
    def integer(self) -> Any:
        """The truth."""
        return self.form.read(self.build.folder, INTEGER, self.settings)

    @cached_property
    def real(self) -> Any:
        """The float model, None for a build made with --no-float."""
        if FLOAT.text not in self.build.manifest.files:
            return None
        return self.form.read(self.build.folder, FLOAT, self.settings)

    @cached_property
    def reference(self) -> Any:
        """The float model with its outputs as the hardware has them, None as `real`."""
        return None if self.real is None else self.form.reference(self.real, self.settings)

    @cached_property
    def staged(self) -> Any:
        """The integer model at the stage that the backend lowered."""
        stage = stage_of(self.backend, self.integer, self.settings.options)
        return self.form.to_stage(self.integer, stage, Stopwatch())

    @cached_property
    def design(self) -> Any:
        """The target's design, lowered again from model.nc."""
        return self.backend.lower(self.staged, self.settings.options)

    def data(self, data: Data | None) -> Dataset | None:
        """DATA with the build's limits, and its labels by the class names of the data that calibrated it."""
        known = self.build.manifest.calibration or {}
        listed = known.get("classes", ())
        classes = tuple(map(str, listed)) if isinstance(listed, list | tuple) else ()
        return read_data(data, self.settings, self.form.shapes(self.integer), classes, str(known.get("label", "")))
