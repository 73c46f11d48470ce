"""Writes the bench of a build: `tb/` with the stream's description, the vectors, and files that run without `nc`.

| file | what |
|---|---|
| `run.py` | builds the simulator and runs the test: `python run.py` |
| `test_stream.py` | the cocotb test |
| `protocol.py`, `verdict.py` | stimuli and rules; comparison |
| `packing.py` | how tensors travel over the ports (a copy of `nc.ir.stream`) |
| `bench.json` | ports, widths, latency, probes, and the HDL files |
| `ports.vlt` | which signals Verilator makes visible: the ports and the probes, nothing else |
| `vectors.npz` | `x`, `y` (or `x0, x1…`, `y0…` for several tensors), and `probe.<layer>` |
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from nc.ir.diagnostics import Collector, Where, fail
from nc.ir.stream import Probe, StreamSpec, TensorPort

IntArray = np.ndarray[Any, np.dtype[np.int64]]

FILES = ("run.py", "test_stream.py", "protocol.py", "verdict.py")
PORTS_IN = ("clk", "rst", "s_tdata", "s_tvalid", "s_tlast", "m_tready")
PORTS_OUT = ("s_tready", "m_tdata", "m_tvalid", "m_tlast")
_INSTANCE = r"^\s*(?P<module>\w+)\s*(?:#\s*\((?:[^()]|\([^()]*\))*\)\s*)?{name}\s*\("


def write_bench(
    folder: Path,
    spec: StreamSpec,
    hdl: Sequence[Path],
    inputs: Sequence[IntArray],
    expected: Sequence[IntArray],
    probes: Mapping[str, IntArray] | None = None,
    top: str = "top",
) -> None:
    """Write `folder` (BUILD/tb). The same arguments give the same bytes.

    `hdl`: the Verilog files, in or beside BUILD (they are named relative to `folder`); `inputs`, `expected`: one array
    (N, *shape) a tensor of `spec`; `probes`: expected (N, *shape) of internal layers.
    Raises NcError (NC510) when arrays and ports disagree.
    """
    check_vectors(spec, inputs, expected)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        text = resources.files("nc.sim.tb").joinpath(name).read_text()
        (folder / name).write_text(text)
    (folder / "packing.py").write_text(resources.files("nc.ir").joinpath("stream.py").read_text())
    files = [relative(path, folder) for path in hdl]
    bench = {"top": top, "hdl": files, "stream": spec.to_json()}
    (folder / "bench.json").write_text(json.dumps(bench, indent=1) + "\n")
    text = "\n".join(path.read_text() for path in hdl if path.suffix in (".v", ".sv"))
    (folder / "ports.vlt").write_text(visible_signals(spec.probes, text, top))
    write_vectors(folder / "vectors.npz", inputs, expected, probes)


def stream_of(build: Path) -> StreamSpec | None:
    """The streams of a build's `top`, from its bench; None for a netlist of pulses or a build without a bench.

    Raises NcError NC424 for a damaged file.
    """
    path = build / "tb" / "bench.json"
    if not path.is_file():
        return None
    try:
        bench = json.loads(path.read_text(encoding="utf-8"))
        return None if bench.get("test") == "test_pulses" else StreamSpec.from_json(bench["stream"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        fail("NC424", f"bench.json must be what nc wrote, not damaged ({error})", where=Where(file=str(path)),
             help="compile the model again")  # fmt: skip


def write_vectors(
    path: Path,
    inputs: Sequence[IntArray],
    expected: Sequence[IntArray],
    probes: Mapping[str, IntArray] | None = None,
) -> None:
    """The vectors as an .npz, each array in its smallest integer type."""
    arrays: dict[str, Any] = {}
    for letter, tensors in (("x", inputs), ("y", expected)):
        for i, tensor in enumerate(tensors):
            arrays[f"{letter}{i}" if len(tensors) > 1 else letter] = _smallest(tensor)
    for layer, tensor in (probes or {}).items():
        arrays[f"probe.{layer}"] = _smallest(tensor)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def check_vectors(spec: StreamSpec, inputs: Sequence[IntArray], expected: Sequence[IntArray]) -> None:
    """Every array as its port says: count, shape, and every value within the port's bits (NC510, all at once)."""
    found = Collector()
    for what, ports, arrays in (("input", spec.inputs, inputs), ("output", spec.outputs, expected)):
        if len(ports) != len(arrays):
            found.error("NC510", f"the {what}s must be {len(ports)} arrays, not {len(arrays)}")
            continue
        for port, array in zip(ports, arrays):
            _check_array(found, what, port, array)
    counts = sorted({len(array) for array in (*inputs, *expected)})
    if len(counts) > 1:
        found.error("NC510", f"inputs and outputs must have the same number of vectors, not {counts}")
    elif counts == [0]:
        found.error("NC510", "there must be at least one vector, not 0")
    found.raise_if_any()


def _check_array(found: Collector, what: str, port: TensorPort, array: IntArray) -> None:
    if tuple(array.shape[1:]) != tuple(port.shape):
        shape = "×".join(map(str, port.shape)) or "scalar"
        given = "×".join(map(str, array.shape[1:])) or "scalar"
        found.error("NC510", f"{what} '{port.name}' must have shape {shape} a vector, not {given}")
        return
    if not array.size:
        return
    low = -(1 << (port.bits - 1)) if port.signed else 0
    high = (1 << (port.bits - port.signed)) - 1
    least, most = int(array.min()), int(array.max())
    if least < low or most > high:
        value = least if least < low else most
        sign = "signed" if port.signed else "unsigned"
        found.error(
            "NC510",
            f"{what} '{port.name}' must fit {port.bits} {sign} bits ({low}…{high}), not {value}",
            help="the range belongs to the model's port: see 'input.<name>' in the options",
        )


def visible_signals(probes: Sequence[Probe], verilog: str, top: str) -> str:
    """Verilator's configuration file: the ports of `top` and the probed signals become visible, nothing else.

    Making every signal public (as cocotb's own runner does) forbids most of Verilator's optimisations.
    """
    lines = ["`verilator_config"]
    lines += [f'public_flat_rw -module "{top}" -var "{name}"' for name in PORTS_IN]
    lines += [f'public_flat_rd -module "{top}" -var "{name}"' for name in PORTS_OUT]
    for probe in probes:
        *instances, signal = probe.signal.split(".")
        module = _module_of(instances, verilog, top)
        line = f'public_flat_rd -module "{module}" -var "{signal}"'
        if line not in lines:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _module_of(instances: Sequence[str], verilog: str, top: str) -> str:
    """The module at the end of an instance path; `*` (any module) where the text does not tell."""
    module = top
    for name in instances:
        body = re.search(rf"^\s*module\s+{re.escape(module)}\b.*?^\s*endmodule", verilog, re.MULTILINE | re.DOTALL)
        if body is None:
            return "*"
        found = re.search(_INSTANCE.format(name=re.escape(name)), body[0], re.MULTILINE)
        if found is None:
            return "*"
        module = found["module"]
    return module


def _smallest(tensor: IntArray) -> Any:
    array = np.asarray(tensor)
    if not array.size:
        return array.astype(np.int8)
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32):
        if np.iinfo(kind).min <= array.min() and array.max() <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.int64)


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
