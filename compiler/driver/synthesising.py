"""synth: the figures of a build, or of a netlist file, on a device, a board, or standard cells."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nc.backends import registry
from nc.backends.backend import SynthesisRequest
from nc.compiler.driver.opened import Opened
from nc.ir.diagnostics import Diagnostic, UsageError, Where, fail
from nc.sim.bench import stream_of

CELLS = {"sfq": "sfq", "ftl": "threshold", "egfet": "printed"}
"""Cell families of --cells, and the target that knows each."""

SLOWER = 0.9
"""Of the clock asked for is near enough."""

NETLISTS = (".v", ".sv", ".aig", ".aag", ".blif")
_TOP = "top"  # a circuit may be called like a keyword of Verilog
_MODULE = re.compile(r"^\s*module\s+(\\\S+|\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Synthesis:
    """The figures of `nc synth`; None where one does not apply. `clock_mhz`: what the design was made for; `more`: what
    one technology alone reports."""

    device: str | None = None
    luts: int | None = None
    ffs: int | None = None
    carries: int | None = None
    brams: float | None = None
    dsps: int | None = None
    cells: int | None = None
    depth: int | None = None
    area_um2: float | None = None
    leakage_uw: float | None = None
    fmax_mhz: float | None = None
    bitstream: str | None = None
    clock_mhz: float | None = None
    seconds: float = 0.0
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def warnings(self) -> list[Diagnostic]:
        """NC532 where the placed design is slower than the clock that it was made for."""
        if self.fmax_mhz is None or self.clock_mhz is None or self.fmax_mhz >= SLOWER * self.clock_mhz:
            return []
        text = f"the design should run at {self.clock_mhz:g} MHz, and it reaches {self.fmax_mhz:g} MHz on {self.device}"
        more = self.clock_mhz * self.clock_mhz / self.fmax_mhz
        help = f"run it at that, or, for one laid out in space, compile with --set pipeline.clock_mhz={more:.0f}"
        return [Diagnostic("NC532", text, help=help, severity="warning")]

    def to_json(self) -> dict[str, object]:
        """The fields of `nc synth --json`."""
        fields: dict[str, object] = asdict(self)
        del fields["more"]
        return fields | dict(self.more)


def synth(
    source: Path | str | Opened,
    *,
    device: str | None = None,
    board: str | None = None,
    pnr: bool = False,
    liberty: Path | str | None = None,
    cells: str | None = None,
    output: Path | str | None = None,
    seed: int = 1,
    limit_s: float | None = None,
) -> Synthesis:
    """Synthesise a build, or a netlist file (.v, .aig, .blif).

    A build's results go to reports/synth and reports/synth.json, a file's to `output` (default: FILE's stem with
    '-synth' in the current folder). Raises UsageError, ToolMissing, and the tools' own diagnostics (NC52x).
    """
    if device and board:
        fail("NC003", "--device and --board must not both be given", kind=UsageError)
    if cells is not None and cells not in CELLS:
        fail("NC003", f"--cells must be one of {', '.join(CELLS)}, not '{cells}'", kind=UsageError)
    if limit_s is not None and not limit_s > 0:
        fail("NC003", f"--limit must be more than 0 seconds, not {limit_s:g}", kind=UsageError)
    path = None if isinstance(source, Opened) else Path(source)
    if path is not None and path.is_file() and path.suffix not in NETLISTS:
        fail("NC005", f"the file must be a netlist ({', '.join(NETLISTS)}), not '{path.suffix or path.name}'",
             where=Where(file=str(path)), help="or name a build: a folder written by nc compile")  # fmt: skip
    begin = time.perf_counter()
    if path is not None and path.suffix in NETLISTS:
        if not path.is_file():
            fail("NC005", "the netlist file must exist", where=Where(file=str(path)))
        if board is not None:
            fail("NC003", "--board must be given for a build, not for a file", kind=UsageError)
        folder = Path(output) if output else Path(f"{path.stem}-synth")
        request = _request(folder, device, board, pnr, liberty, cells, seed, limit_s)
        return _result(_file(path, request), begin)
    opened = source if isinstance(source, Opened) else Opened.of(source)
    others = _other_cells(opened, cells)
    if board is not None and not (getattr(opened.backend, "on_boards", False) and stream_of(opened.build.folder)):
        fail("NC529", f"--board must be given for a build that an FPGA can hold, not for one of target "
             f"{opened.build.target}", kind=UsageError)  # fmt: skip
    folder = opened.build.folder / "reports" / "synth"
    request = _request(folder, device, board, pnr, liberty, cells, seed, limit_s)
    if board is not None:
        request = replace(request, stream=stream_of(opened.build.folder))
    if others is not None:
        found: Mapping[str, object] = others(sorted((opened.build.folder / "hdl").glob("*.v")), request)
    else:
        found = opened.backend.synthesise(opened.build.folder, opened.staged, opened.settings.options, request)
    result = _result(found, begin)
    opened.build.report("synth", result.to_json())
    return result


def _other_cells(opened: Opened, cells: str | None) -> Any:
    """How the logic of one target is mapped to the cells of another; None for a target's own cells. Raises UsageError
    for cells that do not take another target's logic."""
    if cells is None or CELLS[cells] == opened.build.target:
        return None
    run = getattr(registry.find(CELLS[cells]), "synthesise_hdl", None)
    if run is None or not any((opened.build.folder / "hdl").glob("*.v")):
        fail("NC003", f"--cells {cells} must be given for a build of target {CELLS[cells]}, "
             f"not {opened.build.target}", kind=UsageError)  # fmt: skip
    return run


def _request(folder: Path, device: str | None, board: str | None, pnr: bool, liberty: Path | str | None,
             cells: str | None, seed: int, limit_s: float | None) -> SynthesisRequest:  # fmt: skip
    library = None if liberty is None else Path(liberty)
    if library is not None and not library.is_file():
        fail("NC005", "the Liberty file must exist", where=Where(file=str(library)))
    return SynthesisRequest(folder, device, board, pnr, library, cells, seed, limit_s)


def _file(path: Path, request: SynthesisRequest) -> Mapping[str, object]:
    """A netlist of somebody's: the cell family's own flow, or Yosys for a device or a Liberty file."""
    if request.cells is not None:
        run: Any = getattr(registry.find(CELLS[request.cells]), "synthesise_file", None)
        if run is None:
            fail("NC003", f"--cells {request.cells} must be given for a build, not for a file", kind=UsageError)
        found: Mapping[str, object] = run(path, request)
        return found
    from nc.backends.synth.synthesise import DEFAULT_LIMIT_S, synthesise

    verilog, top = _as_verilog(path, request.out_dir)
    limit = request.limit_s or DEFAULT_LIMIT_S
    return synthesise(
        [verilog], top, request.device or "lut6", pnr=request.pnr, out_dir=request.out_dir, liberty=request.liberty,
        seed=request.seed, limit_s=limit,
    ).to_json()  # fmt: skip


def _as_verilog(path: Path, folder: Path) -> tuple[Path, str]:
    """The file as Verilog, and its top module: the last one of a Verilog file."""
    if path.suffix in (".v", ".sv"):
        names = _MODULE.findall(path.read_text(encoding="utf-8", errors="replace"))
        if not names:
            fail("NC005", "the Verilog file must hold a module", where=Where(file=str(path)))
        return path, names[-1]
    from nc.compiler.frontends.aiger import read_aiger
    from nc.compiler.frontends.blif import read_blif
    from nc.ir.netlist_export import to_verilog

    netlist = read_blif(path) if path.suffix == ".blif" else read_aiger(path)
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{path.stem}.v"
    written.write_text(to_verilog(replace(netlist, name=_TOP), models=True))
    return written, _TOP


def _result(found: Mapping[str, object], begin: float) -> Synthesis:
    fields: dict[str, Any] = dict(found)
    known = Synthesis.__dataclass_fields__.keys() - {"more"}
    more = {name: fields.pop(name) for name in list(fields) if name not in known}
    fields["seconds"] = fields.get("seconds") or round(time.perf_counter() - begin, 2)
    return Synthesis(**fields, more=more)
