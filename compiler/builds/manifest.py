"""manifest.json: what a build was made from, by what, and the SHA-256 of every file. No dates, no paths, no timings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from nc.compiler.data.load import file_sha256
from nc.ir.diagnostics import Collector, Where, fail

SCHEMA = 1
NAME = "manifest.json"
REPORTS = "reports"
"""Written by later commands, hence outside the manifest."""

_LIMIT = 64 << 20
_LIBRARIES = ("amaranth", "mpmath", "numpy", "onnx", "pyosys")  # those whose version can change what is written


@dataclass(frozen=True)
class Manifest:
    """The contents of manifest.json. `source`, `calibration`: name and SHA-256 of the model file and of DATA."""

    target: str
    source: Mapping[str, object]
    calibration: Mapping[str, object] | None
    options: Mapping[str, Any]
    passes: tuple[str, ...]
    estimate: Mapping[str, object]
    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    tool: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Mapping[str, object], ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, object]:
        return {
            "schema": self.schema,
            "tool": {"nc": self.tool},
            "libraries": dict(self.libraries),
            "target": self.target,
            "input": dict(self.source),
            "calibration": None if self.calibration is None else dict(self.calibration),
            "options": dict(self.options),
            "passes": list(self.passes),
            "estimate": dict(self.estimate),
            "warnings": [dict(w) for w in self.warnings],
            "files": {name: dict(entry) for name, entry in sorted(self.files.items())},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        """The inverse of `to_json`; raises KeyError or TypeError where a field is missing or of the wrong kind."""
        files = {}
        for name, entry in data["files"].items():
            files[str(name)] = {"sha256": str(entry["sha256"]), "bytes": int(entry["bytes"])}
        return cls(
            target=str(data["target"]),
            source=dict(data["input"]),
            calibration=None if data["calibration"] is None else dict(data["calibration"]),
            options=dict(data["options"]),
            passes=tuple(map(str, data["passes"])),
            estimate=dict(data["estimate"]),
            files=files,
            tool=str(data["tool"]["nc"]),
            libraries={str(k): str(v) for k, v in data["libraries"].items()},
            warnings=tuple(dict(w) for w in data.get("warnings", ())),
            schema=int(data["schema"]),
        )


def versions(names: Iterable[str] = _LIBRARIES) -> dict[str, str]:
    """Installed versions of the libraries that take part in what is written; missing ones are left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def tool_version() -> str:
    """Our own version: from the installed package, or the source tree's when it runs uninstalled."""
    return versions(["neural-compile"]).get("neural-compile", "0.1.0")


def written(folder: Path) -> dict[str, Mapping[str, object]]:
    """Every file under `folder`, by its relative path, with size and SHA-256."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != NAME)
    return {p.relative_to(folder).as_posix(): {"sha256": file_sha256(p), "bytes": p.stat().st_size} for p in paths}


def write(manifest: Manifest, folder: Path) -> None:
    """Write manifest.json; keys in a fixed order, so equal builds have equal bytes."""
    (folder / NAME).write_text(dump(manifest.to_json()))


def dump(data: Mapping[str, object]) -> str:
    """JSON as every file of a build has it: two spaces, one key a line, finite numbers only."""
    return json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def read(folder: Path) -> Manifest:
    """The manifest of a build; raises NC423 (no build), NC424 (damaged), NC425 (another version)."""
    path = folder / NAME
    here = Where(file=str(path))
    if not path.is_file():
        what = "an empty or foreign folder" if folder.is_dir() else "a file" if folder.exists() else "missing"
        fail("NC423", f"the build must be a folder written by nc compile, not {what}", where=Where(file=str(folder)),
             help="nc compile MODEL -o BUILD --target TARGET")  # fmt: skip
    if path.stat().st_size > _LIMIT:
        fail("NC424", f"the manifest must be smaller than {_LIMIT >> 20} MB", where=here)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        schema = data["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        fail("NC424", f"the manifest must be the JSON that nc wrote, not damaged ({error})", where=here)
    if schema != SCHEMA:
        fail("NC425", f"the build's schema must be version {SCHEMA}, not {schema}", where=here,
             help="compile the model again with this version of nc")  # fmt: skip
    try:
        return Manifest.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fail("NC424", f"the manifest must have all fields that nc wrote, not a wrong or missing {error}", where=here)


def verify(manifest: Manifest, folder: Path) -> None:
    """Compare every file with its SHA-256; all differences are reported at once (NC424)."""
    found = Collector()
    for name, entry in manifest.files.items():
        if problem := _problem(name, entry, folder):
            found.error("NC424", f"the file must be as the compiler wrote it, not {problem}",
                        where=Where(file=str(folder / name)), help="compile the model again")  # fmt: skip
    found.raise_if_any()


def _problem(name: str, entry: Mapping[str, object], folder: Path) -> str:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        return "outside the build"
    path = folder / pure
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
        return "a link"
    if not path.is_file():
        return "missing"
    if path.stat().st_size != entry["bytes"] or file_sha256(path) != entry["sha256"]:
        return "changed"
    return ""
