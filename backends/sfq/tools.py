"""ABC and Yosys as subprocesses (both come with the pyosys wheel): a crash or a time limit there is an error here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nc.backends.processor_time import run_for
from nc.compiler.frontends.yosys_json import read_yosys_json
from nc.ir.diagnostics import InternalError, ToolMissing, Where, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_export import to_blif


def abc_path() -> Path:
    """The `yosys-abc` of the pyosys wheel."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        help = "pip install 'neural-compile[synth]'"
        fail("NC284", "ABC must be installed to map logic", help=help, kind=ToolMissing)
    return Path(spec.origin).parent / "yosys-abc"


def run_abc(script: str, folder: Path, seconds: float = 120.0) -> str:
    """Run an ABC script in `folder`; its output. A crash, or more than `seconds` of processor time, gives ''."""
    done = run_for([str(abc_path()), "-q", script], seconds, folder)
    return "" if done is None else done.stdout


def equivalent(first: Netlist, second: Netlist, seconds: float = 600.0) -> bool:
    """Whether two combinational netlists with the same ports compute the same (ABC's `cec`: SAT sweeping, a proof)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.blif").write_text(to_blif(first))
        (folder / "b.blif").write_text(to_blif(second))
        said = run_abc("cec -n a.blif b.blif", folder, seconds)
    if "Networks are equivalent" in said:
        return True
    if not any(word in said for word in ("NOT EQUIVALENT", "Verification failed")):
        raise InternalError(f"ABC's cec gave no verdict: {said[-200:]}")
    return False


def run_yosys(commands: Sequence[str], folder: Path, seconds: float = 600.0) -> str:
    """Run Yosys passes in a process of its own (its errors end the process); its log. Failure: NC286."""
    abc_path()
    program = (
        "import json, sys\nfrom pyosys import libyosys as ys\nd = ys.Design()\n"
        "for c in json.loads(sys.argv[1]): ys.run_pass(c, d)\n"
    )
    command = [sys.executable, "-c", program, json.dumps(list(commands))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        log = [row for row in (done.stdout + done.stderr).splitlines() if "ERROR" in row or "rror:" in row]
        fail("NC286", f"Yosys must accept the design, not: {log[-1] if log else 'crash'}")
    return done.stdout


def read_verilog(path: Path, top: str = "") -> Netlist:
    """A Verilog file as a Netlist of simple gates (Yosys: hierarchy, proc, flatten, techmap, aigmap)."""
    hierarchy = f"hierarchy -check -top {top}" if top else "hierarchy -check -auto-top"
    steps = ["proc", "flatten", "opt", "memory", "techmap", "opt", "simplemap", "dfflegalize -cell $_DFF_P_ 01"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = [f'read_verilog -sv "{path.resolve()}"', hierarchy, *steps, "aigmap", "clean", "write_json out.json"]
        run_yosys(source, folder)
        try:
            return read_yosys_json(folder / "out.json")
        except Exception as error:
            if hasattr(error, "located"):
                raise error.located(file=str(Where(str(path)))) from None
            raise
