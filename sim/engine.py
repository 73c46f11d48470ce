"""Simulation engines: run a build's hardware on vectors and say whether it is right.

| engine | what runs |
|---|---|
| `verilator` | the build's Verilog, compiled by Verilator, driven by the build's own cocotb bench |
| `icarus` | the same under Icarus Verilog |
| `amaranth` | the Amaranth module in Amaranth's simulator, with the same stimuli; needs no tool |

`auto` is the first that is available. The engine `golden` (the integer graph itself) belongs to the front door.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable

from nc.ir.cache import cache_folder
from nc.ir.diagnostics import UsageError, fail, suggest
from nc.ir.stream import IntArray, StreamSpec
from nc.sim import process, tools
from nc.sim.bench import check_vectors, write_vectors


@dataclass(frozen=True)
class SimulationRequest:
    """What to simulate.

    `build`: a build directory with hdl/ and tb/ (reports go to `build`/reports/sim); `inputs`, `expected`: one integer
    array (N, *shape) a tensor of `spec`; `probes`: expected (N, *shape) of internal layers, for explaining a mismatch;
    `module`: the Amaranth module, which only the engine `amaranth` needs; `seed` draws the stalls; `limit_s`:
    wall-clock limit of the simulation with its build.
    """

    build: Path
    spec: StreamSpec
    inputs: Sequence[IntArray]
    expected: Sequence[IntArray]
    probes: Mapping[str, IntArray] = field(default_factory=dict)
    module: Elaboratable | None = None
    waves: bool = False
    seed: int = 1
    vectors: int | None = None
    limit_s: float | None = None


@dataclass(frozen=True)
class SimulationResult:
    """What an engine found.

    `mismatches`: vectors of which any element differs, with or without stalls; `outputs`: what came out, one array
    (N, *shape) a tensor; `violations`: broken rules of the stream protocol, and a latency or II other than promised;
    `cycles`: clock cycles of both phases; `latency_cycles`, `ii_cycles`: measured without stalls; `first_mismatch`:
    None, or `vector, output, expected, got, layer` (the first internal layer that differs, when known), `text` and
    more; `seconds`: of the simulation without its build.
    """

    engine: str
    vectors: int
    mismatches: int
    outputs: tuple[IntArray, ...]
    cycles: int
    latency_cycles: int | None
    ii_cycles: float | None
    first_mismatch: Mapping[str, Any] | None
    violations: tuple[str, ...]
    seconds: float
    build_seconds: float = 0.0
    waves: Path | None = None

    @property
    def ok(self) -> bool:
        return not self.mismatches and not self.violations

    def to_json(self) -> dict[str, object]:
        """The fields of `nc simulate --json` (`accuracy` is the front door's)."""
        return {
            "engine": self.engine,
            "vectors": self.vectors,
            "mismatches": self.mismatches,
            "latency_cycles": self.latency_cycles,
            "ii_cycles": self.ii_cycles,
            "cycles": self.cycles,
            "first_mismatch": dict(self.first_mismatch) if self.first_mismatch else None,
            "violations": list(self.violations),
            "seconds": self.seconds,
            "build_seconds": self.build_seconds,
        }


def simulate(request: SimulationRequest, engine: str = "auto") -> SimulationResult:
    """Run `request` on `engine`. Raises UsageError for an unknown engine, ToolMissing, ToolFailed, NcError (NC510)."""
    if engine == "auto":
        engine = choose(request)
    if engine not in ENGINES:
        fail("NC511", f"the engine must be one of {', '.join(ENGINES)}, not '{engine}'",
             help=suggest(engine, ENGINES), kind=UsageError)  # fmt: skip
    request = _limited(request)
    check_vectors(request.spec, request.inputs, request.expected)
    return ENGINES[engine](request)


def available(engine: str, request: SimulationRequest | None = None) -> bool:
    """Whether everything that `engine` needs is here (for `amaranth`: a module in the request)."""
    if engine == "amaranth":
        return request is None or request.module is not None
    return all(tools.find(name) is not None for name in NEEDS[engine])


def choose(request: SimulationRequest) -> str:
    """The engine that `auto` means here; Verilator (and so its install command) where there is none."""
    return next((name for name in ENGINES if available(name, request)), "verilator")


def _limited(request: SimulationRequest) -> SimulationRequest:
    if request.vectors is None:
        return request
    n = request.vectors
    return SimulationRequest(
        build=request.build,
        spec=request.spec,
        inputs=[x[:n] for x in request.inputs],
        expected=[y[:n] for y in request.expected],
        probes={layer: p[:n] for layer, p in request.probes.items()},
        module=request.module,
        waves=request.waves,
        seed=request.seed,
        limit_s=request.limit_s,
    )


def _cocotb(name: str) -> Callable[[SimulationRequest], SimulationResult]:
    """The engine that runs the build's own `tb/run.py`, so that what `nc` reports is what a user without `nc` sees."""

    def run(request: SimulationRequest) -> SimulationResult:
        tools.require(*NEEDS[name])
        script = request.build / "tb" / "run.py"
        if not script.exists():
            fail("NC512", "the build must hold tb/run.py, and it does not", help="compile the model again")
        work = request.build / "reports" / "sim"
        results = work / f"results-{name}"
        vectors = results / "vectors.npz"
        write_vectors(vectors, request.inputs, request.expected, request.probes)
        (results / "results.json").unlink(missing_ok=True)
        command = [
            sys.executable, str(script), "--engine", name, "--vectors-file", str(vectors), "--seed", str(request.seed),
            "--work", str(work), "--results", str(results), "--cache", str(cache_folder()),
            *(["--waves"] if request.waves else []),
        ]  # fmt: skip
        finished = process.run(
            command,
            what=f"the {name} simulation",
            log=results / "bench.log",
            env={"PYTHONDONTWRITEBYTECODE": "1"},  # nothing may be added to tb/
            limit_s=request.limit_s,
            accept=(0, 1),
        )
        data = json.loads((results / "results.json").read_text())
        with np.load(results / "outputs.npz", allow_pickle=False) as stored:
            outputs = tuple(stored[f"y{i}"] for i in range(len(stored.files)))
        waves = next((results / f for f in ("waves.vcd", "waves.fst") if (results / f).exists()), None)
        return SimulationResult(
            engine=name,
            vectors=data["vectors"],
            mismatches=data["mismatches"],
            outputs=outputs,
            cycles=data["cycles"],
            latency_cycles=data["latency_cycles"],
            ii_cycles=data["ii_cycles"],
            first_mismatch=data["first_mismatch"],
            violations=tuple(data["violations"]),
            seconds=data["seconds"],
            build_seconds=round(max(finished.seconds - data["seconds"], 0.0), 3),
            waves=waves if request.waves else None,
        )

    return run


def _amaranth(request: SimulationRequest) -> SimulationResult:
    from nc.sim.amaranth_engine import run

    return run(request)


ENGINES: Mapping[str, Callable[[SimulationRequest], SimulationResult]] = {
    "verilator": _cocotb("verilator"),
    "icarus": _cocotb("icarus"),
    "amaranth": _amaranth,
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "verilator": ("perl", "make", "g++", "libpython", "cocotb", "verilator"),
    "icarus": ("libpython", "cocotb", "iverilog"),
}
