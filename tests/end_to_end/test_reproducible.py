"""Builds are the same bytes: for every target, whatever the hash seed, the current folder and the build's name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from nc.backends import registry
from nc.compiler.samples import networks, samples

COMPILE = """
import sys
from nc.compiler.cli.main import run
model, calibration, build, target = sys.argv[1:]
sys.exit(run(["compile", model, "-o", build, "--target", target, "--calib", calibration, "--set", "input.x.bits=8"]))
"""
NETWORKS = {"fpga": 0, "printed": 4, "threshold": 6, "sfq": 4, "neuromorphic": 1}
"""By target: which network of `nc.compiler.samples` around a matrix product (0 and 1 float, 4 and 6 binary)."""
LONG = ("threshold", "sfq")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    "target", [pytest.param(t, marks=[pytest.mark.slow] if t in LONG else []) for t in registry.BUILT_IN]
)
def test_builds_are_reproducible(tmp_path: Path, target: str) -> None:
    model, least = list(networks("", "MatMul", samples("", "MatMul")[0]))[NETWORKS[target]]
    onnx.save(model, tmp_path / "model.onnx")
    np.savez(tmp_path / "calib.npz", x=np.random.default_rng(3).uniform(least, 1, (32, 4)), y=np.arange(32) % 3)
    found = []
    for seed, place in (("1", "a/one"), ("2", "else/where/another")):
        build = tmp_path / place
        build.parent.mkdir(parents=True)
        files = [os.path.relpath(tmp_path / name, build.parent) for name in ("model.onnx", "calib.npz")]
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", COMPILE, *files, build.name, target],
            cwd=build.parent, timeout=300, check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )  # fmt: skip
        found.append(bytes_of(build))
    first, second = found
    assert first.keys() == second.keys() and "manifest.json" in first
    assert [name for name in first if first[name] != second[name]] == []
    assert not [name for name, data in first.items() if str(tmp_path).encode() in data]
