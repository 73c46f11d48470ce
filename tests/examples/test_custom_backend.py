"""A target outside the repository, found by its entry point: compiled by `nc`, its C equal to the integer graph."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.builds.graphs import INTEGER, read_graph
from nc.ir.interpret import evaluate

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "examples" / "custom_backend"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """What `pip install` leaves behind, without pip: the module and the metadata of its entry point."""
    site = tmp_path / "site"
    metadata = site / "nc_c_source-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(PLUGIN / "nc_c_source.py", site)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nc-c-source\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[nc.backends]\nc = nc_c_source:BACKEND\n")
    assert 'c = "nc_c_source:BACKEND"' in (PLUGIN / "pyproject.toml").read_text()
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}


def test_a_network_as_one_c_function(tmp_path: Path, installed: dict[str, str]) -> None:
    x = np.random.default_rng(0).integers(0, 17, (32, 64))
    np.savez(tmp_path / "x.npz", x=x)
    build = tmp_path / "build"
    subprocess.run(
        [sys.executable, "-m", "nc.compiler.cli", "compile", str(ROOT / "examples/digits/digits_mlp.onnx"),
         "-o", str(build), "--target", "c", "--calib", str(tmp_path / "x.npz"), "--set", "input.x.scale=1"],
        env=installed, check=True, timeout=300,
    )  # fmt: skip
    library = tmp_path / "network.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", library, build / "hdl" / "network.c"], check=True, timeout=60
    )
    graph = read_graph(build, INTEGER)
    (label,), (output,) = graph.inputs, graph.outputs
    want = evaluate(graph, {label: x})[output]
    network = ctypes.CDLL(str(library)).network
    for sample, expected in zip(x, want, strict=True):
        given, found = (ctypes.c_longlong * 64)(*sample.tolist()), (ctypes.c_longlong * expected.size)()
        network(given, found)
        assert list(found) == expected.tolist()
