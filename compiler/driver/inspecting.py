"""inspect: what a model or a build consists of, and which targets take it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nc.backends import registry
from nc.compiler.builds.manifest import NAME
from nc.compiler.config import Common
from nc.compiler.driver.models import load_model
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.prepare import to_integers, to_stage
from nc.compiler.progress import Stopwatch
from nc.ir.diagnostics import Diagnostic, NcError
from nc.ir.graph import Graph


@dataclass(frozen=True)
class Inspection:
    """`integer` is None where the model has no exact integers yet (`why` says what is missing)."""

    name: str
    graph: Graph
    integer: Graph | None
    why: tuple[Diagnostic, ...]
    targets: dict[str, tuple[Diagnostic, ...]]

    def to_json(self) -> dict[str, object]:
        shown = self.integer or self.graph
        return {
            "name": self.name,
            "stage": "float" if self.integer is None else "integer",
            "parameters": shown.parameters,
            "ops": dict(sorted(Counter(n.op.name for n in shown.nodes).items())),
            "inputs": {label: str(shown.type(v)) for label, v in shown.inputs.items()},
            "outputs": {label: str(shown.type(v)) for label, v in shown.outputs.items()},
            "nodes": [
                {"op": n.op.name, "type": str(n.type), "origin": n.origin}
                for n in shown.nodes
                if n.op.name != "constant"
            ],
            "needs": [d.to_json() for d in self.why],
            "targets": {name: [d.to_json() for d in found] for name, found in self.targets.items()},
        }


def inspect(model: Path | str) -> Inspection:
    """Read a model file or a build; ask every target what it does not support."""
    path = Path(model)
    if path.is_dir() or path.name == NAME:
        opened = Opened.of(path if path.is_dir() else path.parent)
        integer = opened.integer
        return Inspection(path.name, opened.real or integer, integer, (), _targets(integer))
    source = load_model(path)
    try:
        integer = to_integers(source.graph, Common(), None, Stopwatch())
    except NcError as error:
        return Inspection(source.name, source.graph, None, error.diagnostics, {})
    return Inspection(source.name, source.graph, integer, (), _targets(integer))


def _targets(integer: Graph) -> dict[str, tuple[Diagnostic, ...]]:
    """What each target has against the graph, with its default options; nothing where it can be compiled."""
    found: dict[str, tuple[Diagnostic, ...]] = {}
    for name in registry.names():
        backend = registry.find(name)
        try:
            found[name] = tuple(backend.check(to_stage(integer, backend.stage, Stopwatch()), backend.Options()))
        except NcError as error:
            found[name] = error.diagnostics
    return found
