"""Reads a build directory: its manifest, verified files, graphs and options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nc.compiler.builds import manifest as manifests
from nc.compiler.builds.exchange import recover
from nc.compiler.builds.manifest import REPORTS, Manifest
from nc.ir.diagnostics import Where, fail


@dataclass(frozen=True)
class Build:
    """A build on disk whose files were found to be what the compiler wrote."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path | str) -> Build:
        """Read and verify (NC423 no build, NC424 damaged, NC425 another version)."""
        folder = Path(folder)
        recover(folder)
        found = manifests.read(folder)
        manifests.verify(found, folder)
        return cls(folder, found)

    @cached_property
    def target(self) -> str:
        return self.manifest.target

    def report(self, name: str, data: Mapping[str, object]) -> Path:
        """Write reports/NAME.json, whole or not at all; NC421 when reports/ is a link out of the build."""
        folder = self.folder / REPORTS
        if folder.is_symlink():
            fail("NC421", "reports must be a folder of the build, not a link", where=Where(file=str(folder)))
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.json"
        part = folder / f".{name}.json.part"
        part.write_text(manifests.dump(data), encoding="utf-8")
        part.replace(path)
        return path

    def reports(self) -> dict[str, object]:
        """The reports that later commands have written so far, by name."""
        paths = sorted((self.folder / REPORTS).glob("*.json"))
        found: dict[str, object] = {}
        for path in paths:
            try:
                found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                fail("NC424", f"the report must be JSON, not damaged ({error})", where=Where(file=str(path)))
        return found

    def _repr_html_(self) -> str:
        from nc.compiler.report.notebook import build_html

        return build_html(self.folder)
