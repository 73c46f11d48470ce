"""report: builds, comparisons and explorations become one HTML page that works offline."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from nc.compiler.builds import manifest
from nc.compiler.comparing.compare import RESULTS as COMPARISON
from nc.compiler.comparing.compare import read_comparison
from nc.compiler.exploring.results import RESULTS as EXPLORATION
from nc.compiler.progress import Progress, Silent
from nc.compiler.report.sections import Section, build_section, comparison_section, exploration_section
from nc.ir.diagnostics import ToolMissing, Where, fail

MB = 1 << 20
LIMIT = 32 * MB
"""Bytes of a result file that is read."""


@dataclass(frozen=True)
class Report:
    """A written page: where it is, and what it shows."""

    page: Path
    sections: Sequence[str]
    bytes: int

    def to_json(self) -> dict[str, object]:
        """The fields of `nc report --json`."""
        return {"report": str(self.page), "sections": list(self.sections), "bytes": self.bytes}


def report(
    sources: Sequence[Path | str] | Path | str, output: Path | str = "report.html", progress: Progress | None = None
) -> Report:
    """Write the page `output` about `sources`: builds, and folders that nc compare and nc explore wrote.

    What was never run (eval, simulate, verify, synth) is named as missing; nothing is run but the pulse simulator on a
    few vectors of an SFQ build. Raises NcError NC423 for a folder that is none of these, NC424 for a damaged one.
    """
    given = [sources] if isinstance(sources, Path | str) else list(sources)
    listener, sections = progress or Silent(), []
    for number, source in enumerate(map(Path, given)):
        listener.stage(f"read {source}")
        sections += _sections(source, f"s{number}")
    listener.stage("write the page")
    text = page(sections)
    _write(Path(output), text)
    return Report(Path(output), [s["title"] for s in sections], len(text.encode()))


def _sections(folder: Path, anchor: str) -> list[Section]:
    """The sections of one folder; a comparison brings those of its builds."""
    kind = next((name for name in READERS if (folder / name).is_file()), None)
    if kind is None:
        what = "a folder of something else" if folder.is_dir() else "a file" if folder.exists() else "missing"
        fail("NC423", f"nc report must be given builds, comparisons or explorations, not {what}",
             where=Where(file=str(folder)), help="nc compile, nc compare and nc explore write them")  # fmt: skip
    try:
        return READERS[kind](folder, anchor)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if kind == manifest.NAME:  # what a build holds is verified, so that this is a defect of ours
            raise
        fail("NC424", f"{kind} must be what nc wrote, not damaged ({error})", where=Where(file=str(folder / kind)))


def _build(folder: Path, anchor: str) -> list[Section]:
    return [build_section(folder, anchor)]


def _comparison(folder: Path, anchor: str) -> list[Section]:
    found = read_comparison(folder)
    taken = [t["target"] for t in found["targets"] if t["supported"]]
    there = {t: f"{anchor}-{t}" for t in taken if (folder / t / manifest.NAME).is_file()}
    return [comparison_section(found, anchor, there), *(build_section(folder / t, a) for t, a in there.items())]


def _exploration(folder: Path, anchor: str) -> list[Section]:
    return [exploration_section(_results(folder / EXPLORATION), anchor)]


READERS: dict[str, Callable[[Path, str], list[Section]]] = {
    manifest.NAME: _build,
    COMPARISON: _comparison,
    EXPLORATION: _exploration,
}
"""By the file that tells what a folder is."""


def _results(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LIMIT:
            raise ValueError(f"larger than {LIMIT // MB} MB")
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in ("trials", "front", "points", "baseline"):
            found[name]
    except (ValueError, LookupError, TypeError) as error:
        fail("NC424", f"{path.name} must be what nc wrote, not damaged ({error})", where=Where(file=str(path)))
    return found


def page(sections: Sequence[Section]) -> str:
    """The page of these sections (ToolMissing without Jinja2)."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        fail("NC500", "Jinja2 must be installed for nc report", help="pip install 'neural-compile[report]'",
             kind=ToolMissing)  # fmt: skip
    place = PackageLoader("nc.compiler.report", "")
    environment = Environment(loader=place, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)  # fmt: skip
    read = resources.files("nc.compiler.report").joinpath
    return environment.get_template("page.html.j2").render(
        sections=sections,
        style=read("page.css").read_text(encoding="utf-8"),
        script=read("page.js").read_text(encoding="utf-8"),
        tool=manifest.tool_version(),
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
