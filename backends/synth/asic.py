"""Standard cells of a Liberty file: several ABC scripts, the least area kept; area, leakage and gate depth."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nc.backends.synth import netlist
from nc.backends.synth.liberty import LibraryCell, read_liberty
from nc.backends.synth.yosys import quoted, run_yosys
from nc.ir.diagnostics import NcError, fail
from nc.sim.process import ToolFailed

if TYPE_CHECKING:
    from nc.backends.synth.synthesise import SynthesisResult

# ABC command lists. "default" is Yosys' own for a Liberty file; the others trade delay for area in different ways
# (structural choices, then area-oriented mapping), and which is smallest differs from design to design. The first two
# need a buffer in the library, and are left out where there is none.
SCRIPTS: Mapping[str, str] = {
    "default": "",
    "choices": "strash;ifraig;scorr;dc2;dc2;strash;&get,-n;&dch,-f;&nf;&put",
    "area": "strash;dch;map,-a;topo",
    "compress": "strash;ifraig;scorr;dc2;resub,-K,8;rewrite;resub,-K,10;refactor;balance;rewrite,-z;dch;map,-a;topo",
    "amap": "strash;ifraig;scorr;dc2;dc2;dch;amap,-m",
}


def synthesise(
    read: list[str], top: str, liberty: Path, out_dir: Path, flat: bool, limit_s: float | None, memory_mb: int,
    begin: float, peak: float,
) -> SynthesisResult:  # fmt: skip
    """Map a design (Yosys commands `read`) to the cells of `liberty`. Raises NcError NC525, NC526, NC521."""
    from nc.backends.synth.synthesise import SynthesisResult

    cells = read_liberty(liberty)
    # Yosys keeps converted libraries between runs by the name of the file: let the name tell the contents.
    copy = out_dir / f"library-{hashlib.sha256(liberty.read_bytes()).hexdigest()[:12]}.lib"
    copy.write_bytes(liberty.read_bytes())
    lib = f"-liberty {quoted(copy)}"
    unused = "".join(f" -dont_use {name}" for name in sorted(cells) if cells[name].dont_use)
    prepare = [
        *read,
        f"synth -top {top} -noabc" + (" -flatten" if flat else ""),
        f"dfflibmap {lib}{unused}",
        "opt_clean",
        "write_rtlil prepared.il",
    ]
    try:
        peak = max(peak, run_yosys(prepare, out_dir, "yosys-prepare", limit_s=limit_s, memory_mb=memory_mb).peak_mb)
    except ToolFailed as error:
        lacking = sorted(set(re.findall(r"unmapped dff/dlatch cell: (\S+)", (error.log or liberty).read_text())))
        if not lacking:
            raise
        _refuse(lacking)
    found: dict[str, tuple[float, Mapping[str, Any]]] = {}
    failure: NcError | None = None
    for name, script in SCRIPTS.items():
        abc = f"abc {lib}{unused}" + (f' -script "+{script}"' if script else "")
        commands = [
            "read_rtlil prepared.il", abc, f"read_liberty -lib {quoted(copy)}", "flatten", "opt_clean",
            "delete t:$scopeinfo", f"write_json netlist-{name}.json", f"write_verilog -noattr netlist-{name}.v",
        ]  # fmt: skip
        try:
            done = run_yosys(commands, out_dir, f"yosys-{name}", limit_s=limit_s, memory_mb=memory_mb)
            module = netlist.load(out_dir / f"netlist-{name}.json", top)
            _refuse_unmapped(module, cells)
        except NcError as error:  # a script need not suit every library; only if none does is it an error
            failure = error
            continue
        peak = max(peak, done.peak_mb)
        found[name] = (sum(cells[cell["type"]].area for cell in module["cells"].values()), module)
    if not found:
        assert failure is not None
        raise failure
    best = min(found, key=lambda name: found[name][0])
    area, module = found[best]
    kinds = [cell["type"] for cell in module["cells"].values()]
    weight = {name: -1 if cell.sequential else 1 for name, cell in cells.items()}
    return SynthesisResult(
        device=liberty.stem,
        luts=None,
        ffs=sum(cells[kind].sequential for kind in kinds),
        carries=None,
        brams=None,
        dsps=None,
        cells=len(kinds),
        depth=netlist.depth(module, weight),
        area_um2=round(area, 4),
        leakage_uw=round(sum(cells[kind].leakage_uw for kind in kinds), 9),
        fmax_mhz=None,
        bitstream=None,
        seconds=time.monotonic() - begin,
        mode="flat" if flat else "hierarchical",
        variant=best,
        variants={name: round(value, 4) for name, (value, _) in found.items()},
        peak_mb=peak,
        netlist=out_dir / f"netlist-{best}.json",
        pins=sum(len(port["bits"]) for port in module["ports"].values()),
        cell_types={kind: kinds.count(kind) for kind in sorted(set(kinds))},
    )


def _refuse_unmapped(module: Mapping[str, Any], cells: Mapping[str, LibraryCell]) -> None:
    unknown = sorted({cell["type"] for cell in module["cells"].values()} - set(cells))
    if unknown:
        _refuse(unknown)


def _refuse(kinds: Sequence[str]) -> NoReturn:
    fail(
        "NC526",
        f"every cell of the result must be in the library, and {', '.join(kinds)} is not",
        help="the library lacks a flip-flop (or a constant, or an inverter) that the design needs",
    )
