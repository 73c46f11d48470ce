"""Which operators run on which target: measured by compiling a small network around each, not stated.

    python -m nc.compiler.support                     the table
    python -m nc.compiler.support --write README.md   into the file, between the markers

A cell is ticked when at least one network around the operator (`nc.compiler.samples`) becomes exact integers and the
target has nothing against it: the path of `nc compile` up to lowering, with default options, or with activations of
few bits where the target takes only those.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from nc.backends import registry
from nc.backends.backend import Backend
from nc.compiler.config import resolve
from nc.compiler.data import Dataset
from nc.compiler.driver.forms import form_of
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.frontends.onnx.registry import TRANSLATIONS
from nc.compiler.progress import Stopwatch
from nc.compiler.samples import networks, samples
from nc.ir.diagnostics import NcError, UsageError, fail
from nc.ir.graph import Graph

BEGIN, END = "<!-- support matrix -->", "<!-- end of support matrix -->"
_FAMILIES = {"": "ONNX", "qonnx": "QONNX", "com.microsoft": "com.microsoft"}
_DEFAULT: Mapping[str, Any] = {"input": {"x": {"bits": 8}}}
_FEW_BITS: Mapping[str, Any] = {**_DEFAULT, "quantise": {"activation_bits": 5}}
_OPTIONS = {"threshold": (_DEFAULT, _FEW_BITS)}
"""Where it is not the default alone: arrays whose activations are a bit a step."""
UPDATE = "python -m nc.compiler.support --write README.md"
Support = Mapping[tuple[str, str], frozenset[str]]
"""(domain, operator) -> the targets that take it."""


def measure() -> Support:
    """All operators of the model formats that the frontend translates, on the built-in targets (not our own domain)."""
    return {key: targets_of(*key) for key in sorted(TRANSLATIONS) if key[0] in _FAMILIES}


def targets_of(domain: str, op: str) -> frozenset[str]:
    """The built-in targets that take at least one of the operator's networks."""
    waiting = {name: registry.find(name) for name in registry.BUILT_IN}
    for network, least in _networks(domain, op):
        taken = _taken(network, least, waiting)
        waiting = {name: backend for name, backend in waiting.items() if name not in taken}
        if not waiting:
            break
    return frozenset(registry.BUILT_IN) - frozenset(waiting)


def _networks(domain: str, op: str) -> Iterator[tuple[onnx.ModelProto, float]]:
    for sample in samples(domain, op):
        yield from networks(domain, op, sample)


def _taken(network: onnx.ModelProto, least: float, backends: Mapping[str, Backend]) -> set[str]:
    """The targets that accept the network. A graph is made once for all targets that want the same stage."""
    try:
        graph = from_onnx(network)
    except NcError:
        return set()
    (value,) = graph.inputs.values()
    calibration = Dataset.of(np.random.default_rng(0).uniform(least, 1, (16, *graph.type(value).shape)))
    staged: dict[tuple[str, bool], Any] = {}
    taken = set()
    for name, backend in backends.items():
        for given in _OPTIONS.get(name, (_DEFAULT,)):
            form = backend.stage, given is _DEFAULT
            if form not in staged:
                staged[form] = _staged(graph, backend, calibration, given)
            if staged[form] is not None and _accepts(backend, staged[form]):
                taken.add(name)
                break
    return taken


def _accepts(backend: Backend, staged: Any) -> bool:
    """Whether the target has nothing against it; a defect of ours (not an NcError) is for the caller to see."""
    try:
        found = backend.check(staged, resolve(backend.Options, given=_DEFAULT).options)
    except NcError:
        return False
    return not any(d.severity == "error" for d in found)


def _staged(graph: Graph, backend: Backend, calibration: Dataset, given: Mapping[str, Any]) -> Any:
    """The network at the backend's stage, as `nc compile` makes it with options `given`; None when it is refused."""
    settings, form = resolve(backend.Options, given=given), form_of(graph, backend.stage)
    try:
        return form.to_stage(form.to_integers(graph, settings, calibration, Stopwatch()), backend.stage, Stopwatch())
    except NcError:
        return None


def table(support: Support) -> str:
    """Markdown: operators of one domain that the same targets take share a row, best supported first."""
    names = registry.BUILT_IN
    rows: dict[tuple[str, frozenset[str]], list[str]] = {}
    for (domain, op), targets in sorted(support.items()):
        rows.setdefault((domain, targets), []).append(op)
    lines = [f"| operators | {' | '.join(names)} |", "|---|" + ":-:|" * len(names)]
    for (domain, targets), ops in sorted(rows.items(), key=lambda row: _order(*row[0])):
        cells = " | ".join("✓" if name in targets else "–" for name in names)
        lines.append(f"| {_FAMILIES[domain]}: {', '.join(ops)} | {cells} |")
    return "\n".join(lines) + "\n"


def _order(domain: str, targets: frozenset[str]) -> tuple[object, ...]:
    return list(_FAMILIES).index(domain), -len(targets), sorted(targets)


def written(text: str, matrix: str) -> str:
    """`text` with the matrix between the markers. Raises UsageError without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        fail("NC003", f"the file must hold the lines {BEGIN} and {END}", kind=UsageError)
    return f"{before}{BEGIN}\n{matrix}{END}{after}"


def main(arguments: list[str]) -> None:
    matrix = table(measure())
    if arguments[:1] != ["--write"]:
        print(matrix, end="")
        return
    path = Path(arguments[1])
    path.write_text(written(path.read_text(encoding="utf-8"), matrix), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
