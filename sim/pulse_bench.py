"""The cocotb bench of an SFQ build: `tb/` with its own runner, and the engine that runs it.

Small netlists run with pulse-encoded cells that have delays and limits; beyond PULSE_CELLS cells Verilator's event
queue would be the whole cost, and cells that hold a pulse for its clock period take their place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from nc.ir.cache import cache_folder
from nc.ir.diagnostics import fail
from nc.ir.netlist_eval import from_bits, to_bits
from nc.sim import process, tools
from nc.sim.engine import NEEDS

PULSE_CELLS = 1500
START = 10.0
"""ps before the first clock: nothing may happen at time 0."""

Array = np.ndarray[Any, Any]


def port_bits(values: Array, bits: int) -> Array:
    """(N, *shape) integers as a port's (N, width) bits, row-major, low bits first."""
    array = np.asarray(values)
    return np.asarray(to_bits(array.reshape(len(array), -1), bits).reshape(len(array), -1), np.uint8)


def write_pulse_bench(
    folder: Path, design: Mapping[str, Any], inputs: Mapping[str, Array], expected: Mapping[str, Array]
) -> None:
    """Write `folder` (BUILD/tb) for a design as in `netlist.json`. The same arguments give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("run.py", "test_pulses.py"):
        (folder / name).write_text(resources.files("nc.sim.tb").joinpath(name).read_text())
    widths = {
        name: port_bits(values[:1], design["tensors"][name]["bits"]).shape[1] for name, values in expected.items()
    }
    clocking, pulse = design["clocking"], len(design["roles"]) <= PULSE_CELLS
    bench = {
        "top": "top",
        "hdl": ["../hdl/top.v", "../hdl/cells.v" if pulse else "../hdl/cells_period.v"],
        "test": "test_pulses",
        "timing": pulse,
        "encoding": "pulse" if pulse else "period",
        "clocks": clocking["ports"],
        "inputs": list(inputs),
        "outputs": widths,
        "period": clocking["period"],
        "insertion": clocking["insertion"],
        "launch": clocking["launch"],
        "skew": clocking["skew"],
        "depth": clocking["depth"],
        "start": START,
    }
    (folder / "bench.json").write_text(json.dumps(bench, indent=1) + "\n")
    lines = [f'public_flat_rw -module "top" -var "{name}"' for name in (*clocking["ports"], *inputs)]
    lines += [f'public_flat_rd -module "top" -var "{name}"' for name in widths]
    (folder / "ports.vlt").write_text("\n".join(["`verilator_config", *lines]) + "\n")
    write_bits(folder / "vectors.npz", design["tensors"], inputs, expected)


def write_bits(
    path: Path, tensors: Mapping[str, Any], inputs: Mapping[str, Array], expected: Mapping[str, Array]
) -> None:
    """`in.<port>` and `out.<port>`: (N, width) bits."""
    arrays = {f"in.{name}": port_bits(values, tensors[name]["bits"]) for name, values in inputs.items()}
    arrays |= {f"out.{name}": port_bits(values, tensors[name]["bits"]) for name, values in expected.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # numpy mistakes the names for allow_pickle


def simulate(build: Path, graph: Any, options: Any, engine: str, vectors: Any) -> Mapping[str, object]:
    """`tb/run.py` on `vectors`; the fields of `nc simulate`, and `outputs` by name. Errors: NC512, tools missing."""
    tools.require(*NEEDS[engine])
    script = build / "tb" / "run.py"
    if not script.is_file():
        fail("NC512", "the build must hold tb/run.py, and it does not",
             help="time-multiplexed engines and builds without a bench run with --engine pulse")  # fmt: skip
    tensors = json.loads((build / "hdl" / "netlist.json").read_text())["tensors"]
    work = build / "reports" / "sim"
    results = work / f"results-{engine}"
    write_bits(results / "vectors.npz", tensors, vectors.inputs, vectors.expected)
    (results / "results.json").unlink(missing_ok=True)
    command = [
        sys.executable, str(script), "--engine", engine, "--vectors-file", str(results / "vectors.npz"), "--work",
        str(work), "--results", str(results), "--cache", str(cache_folder()),
    ]  # fmt: skip
    env = {"PYTHONDONTWRITEBYTECODE": "1"}  # nothing may be added to tb/
    process.run(command, what=f"the {engine} simulation", log=results / "bench.log", env=env, accept=(0, 1))
    data = json.loads((results / "results.json").read_text())
    outputs = {}
    with np.load(results / "outputs.npz", allow_pickle=False) as stored:
        for name, expected in vectors.expected.items():
            raw = stored[name].reshape(len(expected), -1, tensors[name]["bits"])
            outputs[name] = from_bits(raw, signed=tensors[name]["signed"]).reshape(expected.shape)
    encoding = json.loads((build / "tb" / "bench.json").read_text())["encoding"]
    return {"engine": engine, **data, "outputs": outputs, "encoding": encoding}
