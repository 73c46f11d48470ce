"""One page about everything: a comparison, an exploration, a build that was never verified, a mesh, a schedule."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from nc.compiler import compare, compile, explore
from nc.compiler.report.report import report

sys.path.insert(0, str(Path(__file__).parents[2]))
from docs_models import _binary  # noqa: E402

MODEL = """<ir_version: 8, opset_import: ["": 13]> tiny (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, -2.0, 3.0, 1.0}> { h = MatMul(x, w) r = Relu(h) y = MatMul(r, w) }"""
SPACE = {
    "parameters": {"quantise.weight_bits": [2, 4], "quantise.activation_bits": [3, 4]},
    "objectives": {"agreement": "max", "adder_bits": "min"},
    "fidelity": "estimate",
}


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `comparison`, `search`, `mesh` (not verified) and `array` (not verified)."""
    folder = tmp_path_factory.mktemp("results")
    onnx.save(onnx.parser.parse_model(MODEL), folder / "tiny.onnx")
    _binary(folder / "bnn.onnx", "x", (1, 4, 4), (16, 8, 4))
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=rng.integers(0, 4, (40, 2)), y=rng.integers(0, 2, 40))
    np.savez(folder / "bits.npz", x=rng.integers(0, 256, (40, 1, 4, 4)), y=rng.integers(0, 4, 40))
    data = folder / "data.npz"
    compare(
        folder / "tiny.onnx", calib=data, targets="sfq,threshold", vectors=8, output=folder / "comparison", workers=1
    )
    explore(folder / "tiny.onnx", target="fpga", data=data, space=SPACE, output=folder / "search")
    mesh = ["mesh.columns=2", "mesh.rows=2", "mesh.neurons=2", "spiking.ticks=2"]
    compile(folder / "tiny.onnx", target="neuromorphic", calib=data, set=mesh, output=folder / "mesh")
    array = ["array.pes=8", "input.x.scale=1/255"]
    compile(folder / "bnn.onnx", target="threshold", calib=folder / "bits.npz", set=array, output=folder / "array")
    return folder


@pytest.fixture(scope="session")
def page(results: Path) -> Path:
    """report.html about all of them."""
    names = ("comparison", "search", "mesh", "array")
    return report([results / name for name in names], results / "report.html").page
