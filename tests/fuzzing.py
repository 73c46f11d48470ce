"""Mutated files through every reader of a user's files: right or a diagnostic, quickly, in little memory.

`python tests/fuzzing.py [--count N] [--only READER] [--json]` mutates each reader's sound files N times, in a process
of its own with a limit on memory, and counts what came out. A finding is any exception but `NcError`, more than
10 s of processor time, or more than 2 GB; its input is kept in --keep.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SECONDS, MEMORY = 10, 2 << 30
NUMBERS = (b"0", b"-1", b"1e308", b"nan", b"99999999999999999999", b"-2147483649", b"4294967296", b"0.5", b"")
BYTES = (0, 1, 0x7F, 0x80, 0xFF)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")

Make = Callable[[Path], list[Path]]
Read = Callable[[Path], object]


def mutated(sound: bytes, rng: random.Random) -> bytes:
    """One to six changes of any of eight kinds."""
    data = bytearray(sound)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        rng.choice(CHANGES)(data, at, rng)
    return bytes(data)


def _flip(data: bytearray, at: int, rng: random.Random) -> None:
    if at < len(data):
        data[at] ^= 1 << rng.randrange(8)


def _set(data: bytearray, at: int, rng: random.Random) -> None:
    if at < len(data):
        data[at] = rng.choice(BYTES)


def _insert(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))


def _remove(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at : at + rng.choice((1, 2, 8, 64))]


def _repeat(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = data[at : at + rng.choice((1, 16, 200))] * rng.choice((1, 3, 50))


def _cut(data: bytearray, at: int, rng: random.Random) -> None:
    del rng
    del data[at:]


def _number(data: bytearray, at: int, rng: random.Random) -> None:
    found = _NUMBER.search(data, at) or _NUMBER.search(data)
    if found:
        data[found.start() : found.end()] = rng.choice(NUMBERS)


def _lines(data: bytearray, at: int, rng: random.Random) -> None:
    """Two lines change places."""
    lines = bytes(data).split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    data[:] = b"\n".join(lines)


CHANGES = (_flip, _set, _insert, _remove, _repeat, _cut, _number, _lines)


def mutated_archive(sound: bytes, rng: random.Random) -> bytes:
    """A zip file whose members change, or whose own bytes do."""
    if rng.random() < 0.3:
        return mutated(sound, rng)
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = rng.choice(sorted(members))
    members[chosen] = mutated(members[chosen], rng)
    if rng.random() < 0.1:
        members[rng.choice(("../../escaped", "/escaped", "x.npy"))] = b"\x93NUMPY" + rng.randbytes(20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


# The sound files of each reader, and how it is called.


def _examples(*names: str) -> Make:
    def make(folder: Path) -> list[Path]:
        return [Path(shutil.copy(ROOT / "examples" / name, folder)) for name in names]

    return make


def _text(**files: str) -> Make:
    def make(folder: Path) -> list[Path]:
        paths = [folder / name.replace("__", ".") for name in files]
        for path, text in zip(paths, files.values()):
            path.write_text(text)
        return paths

    return make


def _arrays(folder: Path) -> list[Path]:
    import gzip

    import numpy as np

    x, y = np.arange(24).reshape(6, 4), np.array([0, 1, 2, 0, 1, 2])
    np.savez(folder / "data.npz", x=x, y=y)
    np.savez_compressed(folder / "packed.npz", x=x / 7)
    np.save(folder / "data.npy", x.astype(np.float32))
    rows = "\n".join(",".join(map(str, [*row, label])) for row, label in zip(x.tolist(), y.tolist()))
    (folder / "data.csv").write_text(f"a,b,c,d,label\n{rows}\n")
    idx = bytes([0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 2]) + x.astype(np.uint8).tobytes()
    (folder / "images-idx3-ubyte").write_bytes(idx)
    (folder / "images-idx3-ubyte.gz").write_bytes(gzip.compress(idx, mtime=0))
    return sorted(folder.iterdir())


def _nir(folder: Path) -> list[Path]:
    import runpy

    runpy.run_path(str(ROOT / "tests" / "docs_models.py"))["neuromorphic"](folder)
    return [folder / "net.nir"]


def _pt2(folder: Path) -> list[Path]:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU()).eval()
    torch.export.save(torch.export.export(model, (torch.zeros(1, 3),)), folder / "model.pt2")
    return [folder / "model.pt2"]


def _build(folder: Path) -> list[Path]:
    """A build's own files: a forged one must not do harm either."""
    from nc.compiler import compile

    port = ["input.x.bits=5", "input.x.scale=1"]
    compile(ROOT / "examples/digits/digits_bnn.onnx", target="fpga", set=port, output=folder / "build")
    return [folder / "build" / name for name in ("manifest.json", "model.nc", "weights.npz")]


def _results(folder: Path) -> list[Path]:
    metrics = {"accuracy": 0.9, "luts": 100.0}
    point = {"options": {"a.b": 3}, "metrics": metrics, "fidelity": "synth", "seconds": 1.0, "error": "", "build": "b"}
    search = {"trials": 1, "front": [point], "points": [point], "baseline": {"metrics": metrics, "error": ""},
              "objectives": {"accuracy": "max", "luts": "min"}, "seconds": 1.0}  # fmt: skip
    figure = {"value": 0.9, "unit": "s", "basis": "measured", "link": "a", "verdict": "equal"}
    column = {"target": "fpga", "supported": True, "reason": "", "ok": True, "figures": {"latency": figure},
              "links": [{"name": "a", "verdict": "equal", "detail": ""}], "first_mismatch": None}  # fmt: skip
    found = {"model": {"name": "m", "sha256": "0"}, "data": "d", "calibration": None, "targets": [column]}
    (folder / "results.json").write_text(json.dumps(search, indent=1))
    (folder / "comparison.json").write_text(json.dumps(found, indent=1))
    return [folder / "results.json", folder / "comparison.json"]


def _liberty(folder: Path) -> list[Path]:
    from nc.backends.printed.liberty import write_liberty
    from nc.backends.printed.technology import egfet

    (folder / "cells.lib").write_text(write_liberty(egfet()))
    return [folder / "cells.lib"]


def _sfq_cells(folder: Path) -> list[Path]:
    from nc.backends.sfq.library import BUILT_IN

    return [Path(shutil.copy(BUILT_IN, folder))]


def _read_model(path: Path) -> object:
    from nc.compiler.driver.models import load_model

    return load_model(path)


def _samples(folder: Path) -> list[Path]:
    """A table with gaps, a sound, a folder of one image, and a table stored by column."""
    import wave

    import numpy as np
    import pyarrow
    from PIL import Image
    from pyarrow import parquet

    table, sound, picture = folder / "t.csv", folder / "s.wav", folder / "p" / "a.png"
    table.write_text("a;b;kind\n1,5;2;cat\n3;NA;dog\n-1;4e1;cat\n")
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(range(64)))
    picture.parent.mkdir()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(picture)
    columns = folder / "c.parquet"
    parquet.write_table(pyarrow.table({"a": [1.5, None, 3.0], "kind": ["b", "a", "b"]}), columns)
    return [table, sound, picture, columns]


def _read_data(path: Path) -> object:
    from nc.compiler.data import load

    return load(path)


def _read_samples(path: Path) -> object:
    from nc.compiler.data import load

    return load(path.parent if path.suffix == ".png" else path, missing="drop")


def _read_config(path: Path) -> object:
    from nc.backends import registry
    from nc.compiler.config import resolve

    return resolve(registry.find("fpga").Options, path)


def _read_space(path: Path) -> object:
    from nc.compiler.exploring.space import read_space

    return read_space(path)


def _read_netlist(path: Path) -> object:
    from nc.compiler.frontends.aiger import read_aiger
    from nc.compiler.frontends.blif import read_blif

    return read_blif(path) if path.suffix == ".blif" else read_aiger(path)


def _read_liberty(path: Path) -> object:
    from nc.backends.printed.liberty import read_liberty
    from nc.backends.synth.liberty import read_liberty as read_cells

    read_cells(path)
    return read_liberty(path)


def _read_sfq_cells(path: Path) -> object:
    from nc.backends.sfq.library import load_library

    load_library.cache_clear()
    return load_library(path)


def _read_deck(path: Path) -> object:
    from nc.sim.josephson.deck import read_deck

    return read_deck(path.read_text(encoding="utf-8", errors="replace"), file=path.name)


def _read_build(path: Path) -> object:
    from nc.compiler.builds import manifest
    from nc.compiler.builds.graphs import INTEGER, read_graph

    return manifest.read(path.parent) if path.suffix == ".json" else read_graph(path.parent, INTEGER)


def _read_results(path: Path) -> object:
    """One of the two results alone in its folder, as a page."""
    from nc.compiler.report.report import report

    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        return report(folder, Path(folder) / "page.html")


BLIF = ".model top\n.inputs a b c\n.outputs y\n.names a b t\n11 1\n.names t c y\n1- 1\n-1 1\n.latch y q 0\n.end\n"
AAG = "aag 9 3 0 2 6\n2\n4\n6\n15\n19\n8 2 4\n10 3 5\n12 9 11\n14 6 12\n16 7 13\n18 15 17\n"
CONFIG = "input:\n  x: {bits: 5, scale: 1/255, range: [0, 16]}\noutput: argmax\npipeline: {every: 3}\n"
SPACE = "parameters:\n  quantise.weight_bits: [2, 4]\n  seed: {low: 0, high: 3}\nobjectives: {luts: min}\ntrials: 4\n"
DECK = ("* junction\n.param ic=0.1m\n.model jj1 jj(rtype=1, vg=2.8mV, cap=0.07pF, r0=160, rN=16, icrit=0.1mA)\n"
        ".subckt jtl a b\nL1 a 1 2p\nB1 1 0 jj1 area=1\nL2 1 b 2p\nIB1 0 1 pwl(0 0 5p 175u)\n.ends\nX1 1 2 jtl\n"
        "V1 1 0 pulse(0 0.6m 20p 1p 1p 1p 50p)\nR1 2 0 2\n.tran 0.1p 100p\n.print v(2)\n.end\n")  # fmt: skip

READERS: Mapping[str, tuple[Make, Read]] = {
    "onnx": (_examples("digits/digits_mlp.onnx", "digits/digits_bnn.onnx"), _read_model),
    "nir": (_nir, _read_model),
    "pt2": (_pt2, _read_model),
    "data": (_arrays, _read_data),
    "samples": (_samples, _read_samples),
    "config": (_text(nc__yaml=CONFIG), _read_config),
    "space": (_text(space__yaml=SPACE), _read_space),
    "netlist": (_text(c__blif=BLIF, c__aag=AAG), _read_netlist),
    "liberty": (_liberty, _read_liberty),
    "sfq_cells": (_sfq_cells, _read_sfq_cells),
    "deck": (_text(c__cir=DECK), _read_deck),
    "build": (_build, _read_build),
    "results": (_results, _read_results),
}


class _Slow(Exception):
    """An input took more than its time."""


def _alarm(*_: object) -> None:
    raise _Slow


def fuzz(reader: str, count: int, seed: int = 0, keep: Path | None = None) -> dict[str, Any]:
    """`count` mutations through one reader, in this process: outcomes by kind, and the findings."""
    from nc.ir.diagnostics import NcError

    warnings.simplefilter("ignore")
    make, read = READERS[reader]
    rng, outcomes, findings, slowest = random.Random(f"{reader}{seed}"), Counter[str](), [], 0.0
    with tempfile.TemporaryDirectory() as name:
        sound = {path: path.read_bytes() for path in make(Path(name))}
        for path in sound:
            read(path)  # must be right; imports and compiled kernels count for no input
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGPROF, _alarm)
        for number in range(count):
            path = rng.choice(sorted(sound))
            change = mutated_archive if zipfile.is_zipfile(io.BytesIO(sound[path])) else mutated
            changed = change(sound[path], rng)
            path.write_bytes(changed)
            begin = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                read(path)
                outcomes["read"] += 1
            except NcError as error:
                outcomes[error.diagnostics[0].code] += 1
            except BaseException as error:
                outcomes["finding"] += 1
                told = f"{type(error).__name__}: {error}"[:300]
                at = traceback.format_exc().strip().splitlines()[-3:]
                findings.append({"input": f"{reader}-{number}-{path.name}", "error": told, "at": at})
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{reader}-{number}-{path.name}").write_bytes(changed)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                path.write_bytes(sound[path])
            slowest = max(slowest, time.process_time() - begin)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    return {"reader": reader, "inputs": count, "outcomes": dict(outcomes), "findings": findings,
            "slowest_s": round(slowest, 2), "grown_mb": round(grown, 1)}  # fmt: skip


def _apart(reader: str, given: argparse.Namespace) -> dict[str, Any]:
    """`fuzz` in a process of its own: one that dies is a finding, too."""
    command = [sys.executable, __file__, "--json", "--only", reader, "--count", str(given.count)]
    keep = ["--seed", str(given.seed), *(["--keep", str(given.keep)] if given.keep else [])]
    done = subprocess.run([*command, *keep], stdout=subprocess.PIPE, text=True, timeout=3600)
    if done.stdout:
        row: dict[str, Any] = json.loads(done.stdout)["rows"][0]
        return row
    return {"reader": reader, "inputs": given.count, "outcomes": {}, "findings": [{"error": f"exit {done.returncode}"}]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="mutations for each reader")
    parser.add_argument("--only", choices=READERS, action="append", help="this reader, in this process; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for inputs that were findings")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    for reader in given.only or READERS:
        row = fuzz(reader, given.count, given.seed, given.keep) if given.only else _apart(reader, given)
        rows.append(row)
        if not given.json:
            print(f"{reader:10} {row['inputs']:6} inputs, {len(row['findings'])} findings, {row['outcomes']}")
    if given.json:
        print(json.dumps({"rows": rows, "inputs": sum(r["inputs"] for r in rows),
                          "findings": sum(len(r["findings"]) for r in rows)}))  # fmt: skip
    return 1 if any(row["findings"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
