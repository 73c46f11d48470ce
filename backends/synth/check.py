"""What must never pass silently in Verilog: signals without a driver or with several, and combinational loops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nc.backends.synth.yosys import read_commands, run_yosys
from nc.ir.diagnostics import Collector

# The findings of Yosys' `check` pass that change what the hardware computes.
_FINDINGS = (
    (re.compile(r"^Warning: Wire (\S+)\.\\?(.+) is used but has no driver\.", re.MULTILINE), "have a driver"),
    (re.compile(r"^Warning: multiple conflicting drivers for (\S+)\.\\?(.+):$", re.MULTILINE), "have one driver"),
    (re.compile(r"^Warning: found logic loop in module (\S+?)():", re.MULTILINE), "be free of combinational loops"),
)


def check_verilog(files: Sequence[Path], top: str, out_dir: Path, *, limit_s: float | None = 300.0) -> None:
    """Raise NcError with every finding at once: NC521 for what is unresolved, NC528 for undriven or contested signals
    and combinational loops; NC501 when the text is not Verilog."""
    done = run_yosys([*read_commands(files, top), "proc", "opt_clean", "check"], out_dir, "check", limit_s=limit_s)
    log = done.log.read_text(errors="replace")
    found = Collector()
    for pattern, rule in _FINDINGS:
        for module, signal in dict.fromkeys(pattern.findall(log)):
            module = module.lstrip("\\")
            what = f"signal '{signal.strip()}' of module '{module}'" if signal else f"module '{module}'"
            found.error("NC528", f"{what} must {rule}, and has not" if signal else f"{what} must {rule}, and is not")
    found.raise_if_any()
