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
model, calibration, *builds = sys.argv[1:]
for build in builds:
    target = build.rsplit("-", 1)[1]
    code = run(["compile", model, "-o", build, "--target", target, "--calib", calibration, "--quiet"])
    assert code == 0, target
"""
KINDS = {"float": (0, {"threshold"}), "binary": (4, set())}
"""The place of the operator in `nc.compiler.samples`, and the targets that do not take such a network."""


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_builds_are_reproducible(tmp_path: Path, kind: str) -> None:
    index, refusing = KINDS[kind]
    targets = [name for name in registry.BUILT_IN if name not in refusing]
    model, least = list(networks("", "MatMul", samples("", "MatMul")[0]))[index]
    onnx.save(model, tmp_path / "model.onnx")
    x = np.random.default_rng(3).uniform(least, 1, (32, 4))
    np.savez(tmp_path / "calib.npz", x=x, y=np.arange(32) % 3)
    places = {"1": (tmp_path / "a", "one"), "2": (tmp_path / "else" / "where", "another")}
    for seed, (folder, name) in places.items():
        folder.mkdir(parents=True)
        builds = [f"{name}-{target}" for target in targets]
        arguments = [os.path.relpath(tmp_path / file, folder) for file in ("model.onnx", "calib.npz")]
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", COMPILE, *arguments, *builds], cwd=folder, timeout=300, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )  # fmt: skip
    for target in targets:
        first, second = (bytes_of(folder / f"{name}-{target}") for folder, name in places.values())
        assert first.keys() == second.keys()
        assert [name for name in first if first[name] != second[name]] == [], target
        assert not [name for name, data in first.items() if str(tmp_path).encode() in data], target
