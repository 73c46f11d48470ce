"""A board in Verilator: its serial port is a pseudo-terminal, which `nc host` opens like a real one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from nc.ir.cache import cache_folder
from nc.ir.diagnostics import fail
from nc.sim import process, tools
from nc.sim.bench import relative
from nc.sim.engine import NEEDS

START_LIMIT_S = 900.0
END_LIMIT_S = 60.0


@contextmanager
def simulated_board(build: Path, folder: Path, verilog: str, divisor: int) -> Iterator[str]:
    """The name of the serial port of the board with the module `board` of `verilog` around the build's `top`.

    `divisor`: clock cycles a bit of the line. The bench and its log go to `folder`. The simulation ends when the port
    is closed. Raises ToolMissing, ToolFailed; NcError NC512 for a build without a bench.
    """
    tools.require(*NEEDS["verilator"])
    bench = build / "tb" / "bench.json"
    if not bench.is_file():
        fail("NC512", "the build must hold tb/bench.json, and it does not", help="compile the model again")
    folder.mkdir(parents=True, exist_ok=True)
    sources = [build / "tb" / name for name in json.loads(bench.read_text())["hdl"]]
    wrapper = folder / "board.v"
    wrapper.write_text(verilog)
    for name in ("run.py", "test_board.py"):
        (folder / name).write_text(resources.files("nc.sim.tb").joinpath(name).read_text())
    hdl = [relative(path, folder) for path in (*sources, wrapper)]
    text = {"top": "board", "hdl": hdl, "test": "test_board", "divisor": divisor}
    (folder / "bench.json").write_text(json.dumps(text, indent=1) + "\n")
    lines = [f'public_flat_rw -module "board" -var "{name}"' for name in ("clk", "rx")]
    lines.append('public_flat_rd -module "board" -var "tx"')
    (folder / "ports.vlt").write_text("\n".join(["`verilator_config", *lines]) + "\n")
    results = folder / "results"
    port = results / "port"
    port.unlink(missing_ok=True)
    command = [
        sys.executable, str(folder / "run.py"), "--engine", "verilator", "--work", str(folder), "--results",
        str(results), "--cache", str(cache_folder()), "--vectors-file", str(folder / "bench.json"),
    ]  # fmt: skip
    with process.running(
        command, what="the simulated board", log=folder / "bench.log", env={"PYTHONDONTWRITEBYTECODE": "1"}
    ) as board:
        deadline = time.monotonic() + START_LIMIT_S
        while not port.exists():
            board.check()
            if time.monotonic() > deadline:
                fail("NC502", f"the simulated board must start within {START_LIMIT_S:g} s, and it did not")
            time.sleep(0.02)
        yield port.read_text()
        board.wait(END_LIMIT_S)
