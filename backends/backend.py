"""The protocol of a target: what a backend offers to the front door, and nothing more.

A backend is one folder under `backends/` (or an out-of-tree plugin found through the entry point group
`nc.backends`) whose `BACKEND` object satisfies `Backend`. The flow is one straight line:

    check -> lower -> emit          (nc compile)
    testbench, module               (nc simulate: `nc.sim` runs what they describe)
    links(...)                      (nc verify)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from amaranth.hdl import Elaboratable
from pydantic import BaseModel

from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph
from nc.ir.stream import StreamSpec


@dataclass(frozen=True)
class Link:
    """One link of the verification chain. `verdict`: 'equal', 'different', 'measured' (an approximation, `detail` says
    how good), or 'skipped' (`detail` says why)."""

    name: str
    verdict: str
    detail: str = ""


@dataclass(frozen=True)
class SynthesisRequest:
    """What `nc synth` was asked for. None where nothing was said: the target then takes its own default.

    `device`, `board`: names of `nc devices`, a board for a whole bitstream; `stream`: what `top` has there; `pnr`:
    place and route, to a bitstream where the device has one; `liberty`: standard cells; `cells`: ftl, sfq or egfet,
    for FILE; `out_dir`: where logs, netlists and bitstreams go; `limit_s`: of each tool.
    """

    out_dir: Path
    device: str | None = None
    board: str | None = None
    pnr: bool = False
    liberty: Path | None = None
    cells: str | None = None
    seed: int = 1
    limit_s: float | None = None
    stream: StreamSpec | None = None


class Backend(Protocol):
    """One technology.

    `stage`: the form in which it takes the graph: 'integer' keeps tensor operations (arrays, crossbars, cores),
    'primitive' has them decomposed into the closed set of `nc.ir.stages`, 'spiking' has a fixed-point spiking network
    in its place (`nc.ir.spiking`), made from the graph where the model is an ordinary network. A backend with several
    styles of hardware also has `stage_for(model, options)`, which says the stage for this model.
    `Options`: a pydantic model (extra='forbid'); its fields are top-level sections of nc.yaml for this target.
    `engines`: names of the `nc.sim` engines that can run its builds, in order of preference. `on_boards = True` where
    the `top` of a build, with its streams, is logic that an FPGA holds: `synthesise` then takes `request.board`.
    """

    name: str
    summary: str
    stage: str
    Options: type[BaseModel]
    engines: Sequence[str]

    def check(self, graph: Graph, options: Any) -> Sequence[Diagnostic]:
        """Every unsupported thing at once; an empty list when the graph can be lowered."""
        ...

    def lower(self, graph: Graph, options: Any) -> Any:
        """The target's design: pure, no files."""
        ...

    def emit(self, design: Any, folder: Path) -> None:
        """Write `folder`/hdl/ (Verilog with top module `top`, netlists, configurations): deterministic bytes."""
        ...

    def testbench(self, design: Any) -> StreamSpec | None:
        """The stream interface of `top`, from which the bench is generated; None where no HDL is emitted."""
        ...

    def module(self, design: Any) -> Elaboratable | None:
        """The Amaranth module of `top`, for Amaranth's own simulator; None where there is none."""
        ...

    def estimate(self, design: Any) -> Mapping[str, object]:
        """Figures known without synthesis, for the manifest (JSON types only, no timings)."""
        ...

    def links(self, build: Path, graph: Graph, options: Any) -> Sequence[Link]:
        """The target's own equivalences for `nc verify`, beyond golden ≡ float-exact that the front door checks."""
        ...

    def synthesise(self, build: Path, graph: Graph, options: Any, request: SynthesisRequest) -> Mapping[str, object]:
        """`nc synth`: device, luts, ffs, carries, brams, dsps, cells, depth, area_um2, leakage_uw, fmax_mhz, bitstream,
        seconds, null where a field does not apply, and what else the technology has to say.

        A target with cells of its own also has `synthesise_file(path, request)`, with the same result, for netlist
        files (`nc synth FILE --cells ...`); one without a stream port has `simulate(build, graph, options, engine,
        vectors)`, whose result holds `outputs` by name beside the fields of `nc simulate`.
        """
        ...
