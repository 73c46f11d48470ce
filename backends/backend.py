"""The protocol of a target: what a backend offers to the front door, and nothing more.

A backend is one folder under `backends/` (or an out-of-tree plugin found through the entry point group
`nc.backends`) whose `BACKEND` object satisfies `Backend`. The flow is one straight line:

    check -> lower -> emit          (nc compile)
    engines[name](...)              (nc simulate)
    links(...)                      (nc verify)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel

from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph

IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class SimulationRequest:
    """What `nc simulate` asks of an engine.

    `inputs` (N, *input shape) and `expected` (N, *output shape) are the integers of the golden model's ports;
    `options` are the target's options as compiled; `waves` asks for a waveform under `build/reports/`.
    """

    build: Path
    graph: Graph
    options: BaseModel
    inputs: IntArray
    expected: IntArray
    waves: bool = False
    seed: int = 1


@dataclass(frozen=True)
class SimulationResult:
    """What an engine found. `mismatches` counts vectors whose outputs differ in any element.

    `outputs` (N, *output shape) are the engine's own outputs; `first_mismatch` is None or a mapping with
    `vector`, `output`, `expected`, `got`, `layer` (the first internal layer that differs, when known).
    """

    engine: str
    outputs: IntArray
    mismatches: int
    cycles: int | None = None
    latency_cycles: int | None = None
    ii_cycles: float | None = None
    first_mismatch: Mapping[str, object] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """One equivalence of the verification chain: `verdict` is 'equal', 'different' or 'skipped' (with why)."""

    name: str
    verdict: str
    detail: str = ""


class Backend(Protocol):
    """One technology.

    `stage`: the form in which it takes the graph: 'integer' keeps tensor operations (arrays, crossbars, cores),
    'primitive' has them decomposed into the closed set of `nc.ir.stages`.
    `Options`: a pydantic model (extra='forbid'); its fields are top-level sections of nc.yaml for this target.
    `engines`: simulation engines by name, in order of preference; 'golden' is served by the front door.
    """

    name: str
    summary: str
    stage: str
    Options: type[BaseModel]
    engines: Mapping[str, Callable[[SimulationRequest], SimulationResult]]

    def check(self, graph: Graph, options: Any) -> Sequence[Diagnostic]:
        """Every unsupported thing at once; an empty list when the graph can be lowered."""
        ...

    def lower(self, graph: Graph, options: Any) -> Any:
        """The target's design: pure, no files."""
        ...

    def emit(self, design: Any, folder: Path) -> None:
        """Write HDL, netlists, configurations and the bench into `folder` (hdl/, tb/): deterministic bytes."""
        ...

    def estimate(self, design: Any) -> Mapping[str, object]:
        """Figures known without synthesis, for the manifest (JSON types only, no timings)."""
        ...

    def links(self, build: Path, graph: Graph, options: Any) -> Sequence[Link]:
        """The target's own equivalences for `nc verify`, beyond golden ≡ float-exact that the front door checks."""
        ...

    def synthesise(self, build: Path, graph: Graph, options: Any, request: Any) -> Mapping[str, object]:
        """`nc synth`: the figures of `cli.md`'s table, null where a field does not apply."""
        ...
