"""Running Yosys: a child process with limits on time and memory, its whole log kept."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from nc.ir.diagnostics import fail
from nc.sim import tools
from nc.sim.process import Finished, ToolFailed, run

_CHILD = """
import resource, sys
limit = int(sys.argv[2]) << 20
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from pyosys import libyosys as ys
ys.run_pass("script " + sys.argv[1], ys.Design())
"""

# Yosys' own words for what must never be let pass: an unknown module once "synthesised" to a handful of LUTs.
_UNRESOLVED = (
    (re.compile(r"Module `\\?(\S+?)' referenced in module `\\?(\S+?)' .*is not part of the design"), "module"),
    (re.compile(r"Can not open file `(\S+?)` for \\\$readmem"), "memory"),
    (re.compile(r"Can't open file `(\S+?)'|File `(\S+?)' not found"), "file"),
)


def run_yosys(
    commands: Sequence[str],
    folder: Path,
    name: str,
    *,
    limit_s: float | None = None,
    memory_mb: int = 0,
) -> Finished:
    """Run Yosys commands in `folder`; script and log stay there as `name`.ys and `name`.log.

    Raises ToolMissing, ToolFailed (NC501, NC502), and NcError NC521 for what the design refers to and nobody defines.
    """
    tools.require("pyosys")
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / f"{name}.ys"
    script.write_text("\n".join(commands) + "\n")
    try:
        return run(
            [sys.executable, "-c", _CHILD, script.name, str(memory_mb)],
            what="Yosys",
            log=folder / f"{name}.log",
            cwd=folder,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            limit_s=limit_s,
        )
    except ToolFailed as error:
        _explain(error)


def _explain(error: ToolFailed) -> NoReturn:
    """A clearer diagnostic where the log tells what is wrong."""
    log = error.log.read_text(errors="replace") if error.log is not None else ""
    for pattern, kind in _UNRESOLVED:
        if found := pattern.search(log):
            names = [name for name in found.groups() if name]
            user = f" (used in module '{names[1]}')" if kind == "module" and len(names) > 1 else ""
            fail(
                "NC521",
                f"every {kind} that the design refers to must be given, and '{Path(names[0]).name}' is not{user}",
                help="give all Verilog files of the design, and the memory files beside them",
            )
    if "std::bad_alloc" in log or "out of memory" in log.lower():
        fail("NC522", "synthesis must fit the memory limit, and Yosys ran out of it",
             help="raise the limit, or synthesise with the hierarchy kept")  # fmt: skip
    raise error


def quoted(path: Path) -> str:
    """A path as a word of a Yosys script."""
    return f'"{path.resolve()}"'


def read_commands(files: Sequence[Path], top: str) -> list[str]:
    """Read Verilog (or RTLIL, or black boxes from a `primitives.v`) and check that every module is there."""
    readers = {".il": "read_rtlil", ".rtlil": "read_rtlil"}
    commands = [
        f"read_verilog -lib {quoted(path)}"
        if path.name == "primitives.v"
        else f"{readers.get(path.suffix, 'read_verilog -sv -defer')} {quoted(path)}"
        for path in files
    ]
    # Yosys notes which modules to read again once their instances are known; flattening has dissolved those by then.
    return [*commands, f"hierarchy -check -top {top}", "setattr -unset reprocess_after c:*"]
