"""Maps a logic network to a technology with a portfolio of ABC scripts and keeps the least area.

No single script is best for bespoke arithmetic: collapsing into 6-input functions before mapping shrinks small
saturating neurons several times, and ruins large adder trees. All scripts are cheap, so all are run.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nc.backends.printed.genlib import write_genlib
from nc.backends.printed.logic import Logic
from nc.backends.printed.netlist import MappedNetlist, read_mapped_blif
from nc.backends.printed.technology import Cell, Technology
from nc.backends.processor_time import in_threads, run_for
from nc.ir.diagnostics import ToolMissing, fail

# Each script starts after `strash` and ends before the result is written; the reason stands beside it.
SCRIPTS: dict[str, str] = {
    "direct": "map -a",  # the builder's own NAND forms, as they are
    "dch": "dch; map -a",  # structural choices
    "amap": "dch; amap -m",  # area-flow mapper on choices: usually the best on adder trees
    "amap0": "amap -m",
    "resyn": "resyn2; resyn2; dch; amap -m",  # rewriting first
    "lut6": "if -K 6 -a; mfs2 -a; strash; dch; amap -m",  # don't-cares of 6-input functions
    "lut6_deep": "if -K 6 -a; mfs2 -a -L 50; strash; ifraig; resyn2; if -K 5 -a; mfs2 -a; strash; dch; amap -m",
    "deepsyn": "&get -n; &deepsyn -I 2 -J 10; &put; dch; amap -m",  # randomised deep restructuring (fixed seed): slow
    "dc2": "dc2; dc2; dch; amap -m",
}
_ALIASES = (
    "alias resyn2 'b; rw; rf; b; rw; rwz; b; rfz; rwz; b';"
    "alias b balance; alias rw rewrite; alias rwz 'rewrite -z'; alias rf refactor; alias rfz 'refactor -z';"
)


@dataclass(frozen=True)
class Mapping:
    """The least-area netlist and the area in mm² that each script reached (None: not in time, or refuted)."""

    netlist: MappedNetlist
    script: str
    areas: dict[str, float | None]


def find_abc() -> Path:
    """The `yosys-abc` that comes with pyosys, or one on the PATH. Raises ToolMissing."""
    found = shutil.which("yosys-abc")
    spec = importlib.util.find_spec("pyosys")
    if spec is not None and spec.submodule_search_locations:
        bundled = Path(spec.submodule_search_locations[0]) / "yosys-abc"
        found = str(bundled) if bundled.is_file() else found
    if found is None:
        fail(
            "NC657",
            "technology mapping needs yosys-abc, which is not installed",
            help="pip install pyosys",
            kind=ToolMissing,
        )
    return Path(found)


def map_network(
    logic: Logic,
    technology: Technology,
    *,
    vdd: str = "1.0",
    scripts: Sequence[str] = tuple(SCRIPTS),
    area: Callable[[Cell], float] | None = None,
    check: bool = True,
    seconds: float = 120.0,
    workers: int = 1,
    polish: int = 2,
) -> Mapping:
    """The best mapping of `logic` over `scripts` (keys of SCRIPTS).

    `polish`: so many times the best netlist is taken as the source of the whole portfolio again, while it gets
    better. `area(cell)`: another cost than area. `check`: a result is used only when ABC's `cec` proves it equivalent
    to the source. NC657 when none is. A script that takes more than `seconds` of processor time is given up.
    """
    abc = find_abc()
    genlib = write_genlib(technology, vdd, area)
    cost = area or (lambda cell: cell.area_mm2)

    def price(netlist: MappedNetlist) -> float:
        return sum(cost(technology.cells[name]) * n for name, n in netlist.counts.items())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lib.genlib").write_text(genlib)
        source = folder / "source.blif"
        source.write_text(logic.write_blif())
        areas: dict[str, float | None] = {}
        best: tuple[float, str, MappedNetlist] | None = None
        for turn in range(1 + polish):
            start = source if turn == 0 else folder / "best.blif"
            texts = in_threads(partial(_run, abc, folder, start, f"_{turn}", seconds), scripts, workers)
            improved = False
            for script, text in zip(scripts, texts):
                netlist = None if text is None else read_mapped_blif(text, technology)
                label = script if turn == 0 else f"{script}+{turn}"
                areas[label] = None if netlist is None else netlist.area_mm2
                if text is None or netlist is None or (best is not None and price(netlist) >= best[0] - 1e-9):
                    continue
                (folder / "trial.blif").write_text(netlist.write_logic_blif())
                if check and not _prove(abc, folder, source.name, "trial.blif", seconds * 5)[0]:
                    # ABC's don't-care passes do go wrong now and then: such a result is dropped, never used
                    areas[label] = None
                    continue
                best, improved = (price(netlist), label, netlist), True
                (folder / "trial.blif").replace(folder / "best.blif")
            if not improved or best is None:
                break
        if best is None:
            fail(
                "NC657",
                f"mapping to '{technology.name}' must succeed within {seconds:g} s, but no script did",
                help="raise the time limit, or make the network smaller",
            )
        return Mapping(best[2], best[1], areas)


def _run(abc: Path, folder: Path, source: Path, suffix: str, seconds: float, script: str) -> str | None:
    """The mapped BLIF of one script, or None when it did not end in time or gave up."""
    target = folder / f"{script}{suffix}.blif"
    read = f"{_ALIASES} read_genlib lib.genlib; read_blif {source.name}; strash"
    commands = f"{read}; {SCRIPTS[script]}; topo; write_blif {target.name}"
    done = run_for([str(abc), "-q", commands], seconds, folder)
    if done is None or done.returncode != 0 or not target.is_file():
        return None
    text = target.read_text()
    # a script that gave up leaves unmapped logic behind
    return text if any(word in text for word in (".gate", ".barbuf", ".names")) else None


def equivalent(logic: Logic, netlist: MappedNetlist, seconds: float = 600.0) -> bool:
    """ABC's SAT proof that a netlist computes what the gates do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "source.blif").write_text(logic.write_blif())
        (folder / "mapped.blif").write_text(netlist.write_logic_blif())
        return _prove(find_abc(), folder, "source.blif", "mapped.blif", seconds)[0]


def _prove(abc: Path, folder: Path, source: str, mapped: str, seconds: float) -> tuple[bool, str]:
    commands = f"cec {source} {mapped}"
    done = run_for([str(abc), "-q", commands], seconds, folder)
    if done is None:
        fail("NC657", f"the mapped netlist must be proved equivalent within {seconds:g} s, but was not")
    return "Networks are equivalent" in done.stdout, done.stdout[-500:] + done.stderr[-500:]
